import { assert } from "chai";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Language, type Node, Parser } from "web-tree-sitter";

const script = readFileSync(
    join(__dirname, "../../../../provider/quiesce/vss/installedComponents.ps1"),
    "utf8",
);

/** What the script may do: nothing that changes the instance, nothing that PowerShell 3 does not know. */
const CMDLETS = [
    "ConvertFrom-Json",
    "ConvertTo-Json",
    "Get-ChildItem",
    "Get-Content",
    "Join-Path",
    "Test-Path",
];

// No PowerShell can be had for the tests: a parser of its grammar (compiled to WebAssembly, inside the package).
describe("installedComponents.ps1", () => {
    let parser: Parser;

    before(async () => {
        await Parser.init();
        const grammar = createRequire(__filename).resolve(
            "tree-sitter-powershell/tree-sitter-powershell.wasm",
        );
        parser = new Parser();
        parser.setLanguage(await Language.load(grammar));
    });

    function parse(text: string): Node {
        const tree = parser.parse(text);
        assert(tree !== null);
        return tree.rootNode;
    }

    it("is PowerShell", () => {
        assert.isFalse(parse(script).hasError, parse(script).toString());
    });

    it("would not be with a brace less", () => {
        assert.isTrue(parse(script.replace("}", "")).hasError);
    });

    it("only looks", () => {
        const names = parse(script)
            .descendantsOfType("command_name")
            .map((node) => node.text);
        assert.sameMembers([...new Set(names)], CMDLETS);
    });

    it("calls no method, which a language mode may forbid", () => {
        assert.isEmpty(parse(script).descendantsOfType("invokation_expression"));
    });

    it("has no secret, no parameter and nothing that is put in: it is sent as it is", () => {
        assert.notMatch(script, /\{\{|\bparam\b/i);
        assert.isBelow(script.length, 1_500);
    });
});
