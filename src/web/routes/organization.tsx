export function Organization() {
  return null;
}
