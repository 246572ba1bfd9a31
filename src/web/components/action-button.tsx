import { ActionIcon, type ActionIconProps } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import { type ComponentProps, forwardRef } from "react";

interface ActionButtonProps
  extends Omit<ActionIconProps, "children">,
    Omit<ComponentProps<"button">, keyof ActionIconProps | "ref" | "children"> {
  label: string;
  icon: Icon;
}

/** A button that is only a picture, with a name. */
export const ActionButton = forwardRef<HTMLButtonElement, ActionButtonProps>(function ActionButton({ label, icon: Picture, ...rest }, ref) {
  return (
    <ActionIcon ref={ref} aria-label={label} title={label} {...rest}>
      <Picture size={16} />
    </ActionIcon>
  );
});
