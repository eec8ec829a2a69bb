import Testing

/// Consensus diffs and packed documents, both ways between our directories and stock's.
@Suite("Directory caches")
struct DirectoryTests {
    @Test("stock relays and a stock client take consensus diffs and Zstandard documents from our authority and cache")
    func fromOurs() async throws {
        try await Scenario("from_ours", script: "directory.py").holds()
    }

    @Test("our caches and our client take consensus diffs and packed documents from stock")
    func fromStock() async throws {
        try await Scenario("from_stock", script: "directory.py").holds()
    }

    @Test("our DirPort answers requests as stock's does")
    func answers() async throws {
        try await Scenario("answers", script: "directory.py").holds()
    }
}
