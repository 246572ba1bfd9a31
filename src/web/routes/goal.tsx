export function Goal() {
  return null;
}
