import Foundation
import TestSupport
import Testing

@testable import Hub

/// Answers byte by byte, where a well-behaved server would not do.
@Suite struct ExchangeTests {
    /// Answers one connection after another on loopback with the bytes it was given.
    private func serve(_ answers: [Data]) throws -> String {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isListening)
        Thread.detachNewThread {
            for answer in answers {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                let handle = FileHandle(fileDescriptor: connection, closeOnDealloc: true)
                var head = Data()
                while head.range(of: Data("\r\n\r\n".utf8)) == nil {
                    guard let more = try? handle.read(upToCount: 1), !more.isEmpty else { break }
                    head += more
                }
                try? handle.write(contentsOf: answer)
                try? handle.close()
            }
            close(listener)
        }
        return "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    }

    /// Fetches a file of ten bytes, of which the first five are there.
    private func fetch(_ answers: [Data]) async throws -> Data {
        let client = try HubClient(endpoint: serve(answers), pauses: [])
        let directory = try SmallModel.temporaryDirectory()
        try Data("01234".utf8).write(to: directory.appending(path: "a.bin.part"))
        let sibling = #"{"rfilename":"a.bin","size":10,"blobId":"\#(Self.blob)"}"#
        let listing = try HubListing(
            Data(#"{"sha":"\#(Self.blob)","siblings":[\#(sibling)]}"#.utf8),
            repository: HubRepository("owner/name"), url: "U")
        let part = try PartialFile(listing.files[0], in: directory)
        try await client.fetch(listing.files[0], of: listing, into: part) { _ in }
        try part.finish()
        return try Data(contentsOf: part.url)
    }

    /// Git's name of the ten digits.
    private static let blob = "ad471007bd7f5983d273b9584e5629230150fd54"

    private let rest = Data(
        ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n"
            + "Content-Length: 5\r\nConnection: close\r\n\r\n56789").utf8)

    /// As a proxy's word to CONNECT, and early hints, come before the answer.
    @Test(arguments: [
        "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
    ])
    func whatComesBeforeTheAnswer(before: String) async throws {
        #expect(try await fetch([Data(before.utf8) + rest]) == Data("0123456789".utf8))
    }

    @Test(arguments: ["", "Location: \r\n", "Location: http://[x\r\n"])
    func redirectsThatLeadNowhere(location: String) async throws {
        let answer =
            "HTTP/1.1 302 Found\r\n\(location)Content-Length: 0\r\nConnection: close\r\n\r\n"
        let error = await #expect(throws: HubError.self) { try await fetch([Data(answer.utf8)]) }
        switch error {
        case .refused(_, 302, _), .redirectRefused: break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test func whatNobodyAskedToCompress() async throws {
        let gzip = try #require(Data(base64Encoded: "H4sIAAAAAAACAzMwNDI2MTUzt7AEAMbHhKYKAAAA"))
        let head =
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(gzip.count)\r\n"
            + "Connection: close\r\n\r\n"
        let error = await #expect(throws: HubError.self) {
            try await fetch([Data(head.utf8) + gzip])
        }
        guard case .answerInvalid = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func wrongRangesAreRefused() async throws {
        let answer = String(decoding: rest, as: UTF8.self)
            .replacingOccurrences(of: "bytes 5-9", with: "bytes 4-8")
        let error = await #expect(throws: HubError.self) { try await fetch([Data(answer.utf8)]) }
        guard case .answerInvalid = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
