/** What an operation asks of a field's answer: for what is gone once it is answered, and must be read before. */
import { type FieldNode, type GraphQLResolveInfo, getArgumentValues, isObjectType, Kind, type SelectionSetNode } from "graphql";

function* fieldsOf(set: SelectionSetNode | undefined, fragments: GraphQLResolveInfo["fragments"]): Generator<FieldNode> {
  for (const node of set?.selections ?? []) {
    if (node.kind === Kind.FIELD) yield node;
    else yield* fieldsOf(node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : fragments[node.name.value]?.selectionSet, fragments);
  }
}

/** The fields of these names below some, whatever their aliases, through fragments of any type; `@skip` and `@include` are not looked at. */
export function selected(info: GraphQLResolveInfo, below: readonly FieldNode[], ...names: readonly string[]): FieldNode[] {
  return below.flatMap((node) => [...fieldsOf(node.selectionSet, info.fragments)].filter((each) => names.includes(each.name.value)));
}

/** As a resolver is given them. */
export function argumentsOf(info: GraphQLResolveInfo, typeName: string, node: FieldNode): Record<string, unknown> {
  const type = info.schema.getType(typeName);
  const field = isObjectType(type) ? type.getFields()[node.name.value] : undefined;
  return field ? getArgumentValues(field, node, info.variableValues) : {};
}
