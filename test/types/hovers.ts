import { relative } from "node:path";
import ts from "typescript";
import { ROOT } from "../../lab/engine/engine";
import { ENTRIES } from "./program";

/** Something that users see in their editor, with what it says there. */
export interface Hover {
    /** `AppConsistentSnapshotArgs.volumes.excludeBootVolume` */
    readonly name: string;
    readonly kind: "export" | "property";
    readonly doc: string;
    readonly optional: boolean;
    /** `undefined` may be given, whatever the compiler's settings. */
    readonly takesUndefined: boolean;
    readonly isNumber: boolean;
    readonly isClass: boolean;
    readonly examples: readonly string[];
}

/** Of all that the package exports, and of all that these consist of. */
export function hoversOf(program: ts.Program): Hover[] {
    const checker = program.getTypeChecker();
    const found = new Map<string, Hover>();
    const seen = new Set<ts.Node>();
    const add = (node: ts.Node, name: string, more: Partial<Hover>): void => {
        const symbol = checker.getSymbolAtLocation((node as ts.NamedDeclaration).name ?? node);
        found.set(name, {
            name,
            kind: "property",
            doc: ts.displayPartsToString(symbol?.getDocumentationComment(checker)),
            optional: false,
            takesUndefined: false,
            isNumber: false,
            isClass: false,
            examples: (symbol?.getJsDocTags(checker) ?? [])
                .filter((tag) => tag.name === "example")
                .map(({ text }) => ts.displayPartsToString(text)),
            ...more,
        });
    };
    const visit = (node: ts.Node, path: string): void => {
        if (isProperty(node) && !isHidden(node)) {
            const name = `${path}.${node.name.getText()}`;
            add(node, name, {
                optional: node.questionToken !== undefined,
                takesUndefined: "type" in node && node.type !== undefined && hasUndefined(node.type),
                isNumber: /\bnumber\b/.test(("type" in node ? node.type?.getText() : "") ?? ""),
            });
            ts.forEachChild(node, (child) => visit(child, name));
            return;
        }
        if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
            follow(ts.isTypeReferenceNode(node) ? node.typeName : node.expression);
        }
        // What functions do inside, nobody sees.
        if (!ts.isBlock(node) && !isHidden(node)) {
            ts.forEachChild(node, (child) => visit(child, path));
        }
    };
    const follow = (name: ts.Node): void => {
        const symbol = checker.getSymbolAtLocation(name);
        if (symbol !== undefined) {
            declare(targetOf(symbol));
        }
    };
    const targetOf = (symbol: ts.Symbol) =>
        symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    const declare = (target: ts.Symbol): void => {
        for (const node of target.declarations ?? []) {
            if (
                seen.has(node) ||
                !isOurs(node) ||
                ts.isSourceFile(node) ||
                ts.isTypeParameterDeclaration(node)
            ) {
                continue;
            }
            seen.add(node);
            if (exported.has(target)) {
                add(node, target.name, { kind: "export", isClass: ts.isClassDeclaration(node) });
            }
            visit(node, target.name);
        }
    };
    const exported = new Set(
        ENTRIES.flatMap((entry) => {
            const source = program.getSourceFile(entry);
            const module = source && checker.getSymbolAtLocation(source);
            return module ? checker.getExportsOfModule(module).map(targetOf) : [];
        }),
    );
    for (const symbol of exported) {
        declare(symbol);
    }
    return [...found.values()];
}

function hasUndefined(type: ts.TypeNode): boolean {
    return ts.isUnionTypeNode(type)
        ? type.types.some(hasUndefined)
        : type.kind === ts.SyntaxKind.UndefinedKeyword;
}

type Property = ts.PropertySignature | ts.PropertyDeclaration | ts.MethodSignature | ts.MethodDeclaration;

function isProperty(node: ts.Node): node is Property {
    return (
        ts.isPropertySignature(node) ||
        ts.isPropertyDeclaration(node) ||
        ts.isMethodSignature(node) ||
        ts.isMethodDeclaration(node)
    );
}

function isHidden(node: ts.Node): boolean {
    const isPrivate =
        ts.canHaveModifiers(node) &&
        (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
    const isUnseen = "name" in node && ts.isPrivateIdentifier(node.name as ts.Node);
    return isUnseen || isPrivate || ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal");
}

function isOurs(node: ts.Node): boolean {
    return !relative(ROOT, node.getSourceFile().fileName).startsWith("node_modules");
}
