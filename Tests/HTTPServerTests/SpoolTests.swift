import Foundation
import Testing

@testable import HTTPServer

@Suite("What waits for a client that does not read yet")
struct SpoolTests {
    private func files(_ count: Int = 1, bytes: Int = 1 << 30) -> SpoolFiles {
        SpoolFiles(count: count, maximumBytes: bytes)
    }

    /// Some bytes that no other piece has.
    private func piece(_ number: Int, _ count: Int = 1000) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number &* 31 &+ $0) }
    }

    @Test("everything comes out in the order in which it went in, and memory stays small")
    func order() async throws {
        let spool = Spool(files: files())
        var random = SystemRandomNumberGenerator()
        var added: [UInt8] = []
        var taken: [UInt8] = []
        for number in 0..<600 {
            let next = piece(number, Int.random(in: 1...9_000, using: &random))
            added += next
            #expect(try await spool.add(next))
            #expect(await spool.memoryBytes <= Spool.memory)
            // Long runs without taking, so that files come and go.
            if number % 200 > 150, let bytes = try await spool.take() { taken += bytes }
        }
        await spool.end()
        while let bytes = try await spool.take() {
            #expect(bytes.count <= Spool.memory)
            taken += bytes
        }
        #expect(taken == added)
    }

    @Test("past the bound of its file it says so, and keeps what it was given")
    func bound() async throws {
        let spool = Spool(files: files(bytes: Spool.memory + 100_000))
        var added: [UInt8] = []
        var number = 0
        while try await spool.add(piece(number, 50_000)) {
            added += piece(number, 50_000)
            number += 1
        }
        added += piece(number, 50_000)
        #expect(added.count > 2 * Spool.memory)
        await spool.end()
        var taken: [UInt8] = []
        while let bytes = try await spool.take() { taken += bytes }
        #expect(taken == added)
    }

    @Test("files are few, and one that is empty goes to the next who needs it")
    func fewFiles() async throws {
        let files = files()
        let (first, second) = (Spool(files: files), Spool(files: files))
        let much = piece(1, Spool.memory + 1)
        #expect(try await first.add(much))
        #expect(try await second.add(much) == false)
        #expect(try await first.take()?.count == Spool.memory)
        #expect(try await first.take()?.count == 1)
        #expect(try await second.add([1]))
        await first.fail(.disconnected)
        await second.fail(.disconnected)
        #expect(try await Spool(files: files).add(much))
    }

    @Test("who waits for the taker is told when all is taken, and when nothing will be")
    func waiting() async throws {
        let spool = Spool(files: files())
        try await spool.waitUntilTaken()
        #expect(try await spool.add([1]))
        async let waited: Void = spool.waitUntilTaken()
        #expect(try await spool.take() == [1])
        async let next = spool.take()
        try await waited
        #expect(try await spool.add([2]))
        #expect(try await next == [2])
        let failed = Task { try await spool.waitUntilTaken() }
        await spool.fail(.timeout)
        await #expect(throws: ConnectionError.timeout) { try await failed.value }
        await #expect(throws: ConnectionError.timeout) { _ = try await spool.add([3]) }
        #expect(try await spool.take() == nil)
    }
}
