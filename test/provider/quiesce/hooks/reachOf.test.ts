import { expect } from "chai";
import { reachOf } from "../../../../provider/quiesce/hooks/reachOf";

type Connection = Parameters<typeof reachOf>[0];

describe("reachOf", () => {
    const tunnel: Connection["tunnel"] = { via: "command", command: ["nc"] };
    const endpoint: Connection["tunnel"] = { via: "instance-connect-endpoint" };
    const session: Connection["tunnel"] = { via: "session-manager" };
    const proxy = { host: "b", user: "u" };
    const rows: [connection: Connection, route: string][] = [
        [{}, "tcp"],
        [{ tunnel }, "command"],
        [{ tunnel: endpoint }, "instance-connect-endpoint"],
        [{ tunnel: session }, "session-manager"],
        [{ proxy }, "bastion"],
        [{ proxy: { ...proxy, tunnel } }, "bastion by command"],
        [{ proxy: { ...proxy, tunnel: endpoint } }, "bastion by instance-connect-endpoint"],
        [{ proxy: { ...proxy, tunnel: session } }, "bastion by session-manager"],
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
        expect(reachOf({ tunnel })).to.include({ hostKey: "ignored" });
    });

    it("says when AWS alone vouches for the other end", () => {
        expect(reachOf({ tunnel: endpoint })).to.include({ hostKey: "aws" });
        expect(reachOf({ tunnel: session })).to.include({ hostKey: "aws" });
        // Of the bastion, but not of the instance behind it.
        expect(reachOf({ proxy: { ...proxy, tunnel: endpoint } })).to.include({ hostKey: "ignored" });
    });
});
