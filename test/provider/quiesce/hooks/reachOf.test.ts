import { expect } from "chai";
import { reachOf } from "../../../../provider/quiesce/hooks/reachOf";

type Connection = Parameters<typeof reachOf>[0];

describe("reachOf", () => {
    const tunnel: Connection["tunnel"] = { via: "command", command: ["nc"] };
    const proxy = { host: "b", user: "u" };
    const rows: [connection: Connection, route: string][] = [
        [{}, "tcp"],
        [{ tunnel }, "command"],
        [{ proxy }, "bastion"],
        [{ proxy: { ...proxy, tunnel } }, "bastion by command"],
    ];

    for (const [connection, route] of rows) {
        it(route, () => {
            expect(reachOf({ ...connection, hostKey: "SHA256:..." })).to.deep.equal({
                route,
                hostKey: "pinned",
            });
        });
    }

    it("says when the host's key was not compared", () => {
        expect(reachOf({})).to.deep.equal({ route: "tcp", hostKey: "ignored" });
    });
});
