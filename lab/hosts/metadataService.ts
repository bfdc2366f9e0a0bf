// The instance metadata service, version 2 only: `metadataService.ts ADDRESS INSTANCE-ID`.
// Says `listening` when it is, and ends with its standard input.
import { createServer } from "node:http";

const [address = "127.0.0.1", instanceId = ""] = process.argv.slice(2);
const TOKEN = "AQAAAtest-token==";

const server = createServer((request, response) => {
    if (request.method === "PUT" && request.url === "/latest/api/token") {
        const ttl = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
        response.statusCode = ttl >= 1 && ttl <= 21600 ? 200 : 400;
        response.end(response.statusCode === 200 ? TOKEN : "");
    } else if (request.headers["x-aws-ec2-metadata-token"] !== TOKEN) {
        response.statusCode = 401;
        response.end("Unauthorized");
    } else if (request.url === "/latest/meta-data/instance-id") {
        response.end(instanceId);
    } else {
        response.statusCode = 404;
        response.end();
    }
});
server.listen(80, address, () => {
    console.log("listening");
});
process.stdin.resume().on("end", () => {
    process.exit(0);
});
