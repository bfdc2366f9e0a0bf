describe("a file", function () {
    this.timeout(150);

    before((done) => {
        setTimeout(done, 200);
    });
    it("takes longer than its limit", (done) => {
        setTimeout(done, 200);
    });
});
