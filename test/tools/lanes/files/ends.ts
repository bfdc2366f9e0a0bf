describe("a file", () => {
    it("ends its process", () => {
        console.log("said before it ended");
        process.exit(3);
    });
});
