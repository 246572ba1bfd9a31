export function WebServices() {
  return null;
}
