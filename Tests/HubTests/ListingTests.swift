import Foundation
import Testing

@testable import Hub

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What is asked, and what of an answer is believed.
@Suite struct ListingTests {
    @Test(arguments: [
        "owner/name", "JunxiongWang/BiGS_512_alone", "bert-base-uncased", "a/b.c-d_e",
    ])
    func names(name: String) throws {
        #expect(try HubRepository(name).name == name)
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a/b/c", "..", "a/..", "../a", "a/.b", "-a/b", "a/b-", "a b/c",
        "a/b?c",
        "a/b#c", "a/b%2e", "a/b--c", "a/b..c", "ä/b", "a/b\n", String(repeating: "a", count: 97),
    ])
    func noNames(name: String) {
        #expect(throws: HubError.repositoryInvalid(name)) { try HubRepository(name) }
    }

    @Test(arguments: ["", "a b", "a/../b", "a\n", "ä", String(repeating: "a", count: 257)])
    func noRevisions(revision: String) {
        #expect(throws: HubError.revisionInvalid(revision)) {
            try HubRepository("owner/name", revision: revision)
        }
    }

    @Test(arguments: [
        "", "huggingface.co", "ftp://a", "file:///etc/passwd", "http://", "https://a?b",
        "https://a#b",
    ])
    func noAddresses(address: String) {
        #expect(throws: HubError.endpointInvalid(address)) { try HubClient(endpoint: address) }
    }

    @Test func addressesAndEscapes() throws {
        #expect(
            try HubClient(endpoint: "https://mirror.example/hub//").endpoint
                == "https://mirror.example/hub")
        #expect(HubClient.escaped("refs/pr/1 ü?") == "refs%2Fpr%2F1%20%C3%BC%3F")
    }

    @Test func theFolder() {
        #expect(
            HubRepository.folder(["XDG_DATA_HOME": "/data", "HOME": "/h"]).path
                == "/data/bigs/models")
        for other in ["", "relative"] {
            #expect(
                HubRepository.folder(["XDG_DATA_HOME": other, "HOME": "/h"]).path
                    == "/h/.local/share/bigs/models")
        }
    }

    private func listing(_ siblings: String, sha: String = String(repeating: "a", count: 40)) throws
        -> HubListing
    {
        try HubListing(
            Data(#"{"sha":"\#(sha)","siblings":[\#(siblings)]}"#.utf8),
            repository: HubRepository("owner/name"), url: "U")
    }

    private let blob = String(repeating: "0", count: 40)
    private let sha256 = String(repeating: "b", count: 64)

    @Test func sizesAndDigestsAreThoseOfTheContent() throws {
        let listing = try listing(
            """
            {"rfilename":"config.json","size":1,"blobId":"\(blob)"},
            {"rfilename":"a.onnx"},{"rfilename":"../a\\b.png","size":1,"blobId":"\(blob)"},
            {"rfilename":"b/c.bin","size":134,"blobId":"\(blob)",
             "lfs":{"sha256":"\(sha256.uppercased())","size":9,"pointerSize":134}}
            """)
        #expect(
            listing.files == [
                HubFile(path: "config.json", size: 1, digest: .gitBlob(blob)),
                HubFile(path: "b/c.bin", size: 9, digest: .sha256(sha256)),
            ])
    }

    @Test(arguments: [
        "", ".", "..", "../a", "a/../b", "/etc/passwd", "a//b", "a/", "a\\\\b", "a\\u0000b",
        "a\\nb",
        String(repeating: "a", count: 241),
    ])
    func namesThatLeaveTheDirectoryAreRefused(path: String) {
        #expect {
            try listing(#"{"rfilename":"\#(path)/a.bin","size":1,"blobId":"\#(blob)"}"#)
        } throws: {
            if case HubError.fileNameRefused = $0 { true } else { false }
        }
    }

    @Test func aNameTwiceIsRefused() {
        let file = #"{"rfilename":"vocab.txt","size":1,"blobId":"\#(blob)"}"#
        #expect(throws: HubError.answerInvalid(url: "U", expected: "the file vocab.txt only once"))
        {
            try listing("\(file),\(file)")
        }
    }

    @Test(arguments: [
        #"{"rfilename":"config.json"}"#, #"{"rfilename":"config.json","size":1}"#,
        #"{"rfilename":"config.json","blobId":"0000000000000000000000000000000000000000"}"#,
        #"{"rfilename":"config.json","size":-1,"blobId":"0000000000000000000000000000000000000000"}"#,
        #"{"rfilename":"config.json","size":1,"blobId":"00"}"#,
        #"{"rfilename":"config.json","size":1,"blobId":"zz00000000000000000000000000000000000000"}"#,
        #"{"rfilename":"config.json","size":1.5,"blobId":"0000000000000000000000000000000000000000"}"#,
        #"{"size":1}"#, "3",
    ])
    func aFileWithoutSizeOrDigestIsRefused(sibling: String) {
        #expect {
            try listing(sibling)
        } throws: {
            if case HubError.answerInvalid(url: "U", _) = $0 { true } else { false }
        }
    }

    @Test func noListing() throws {
        let repository = try HubRepository("owner/name")
        for answer in ["", "{}", "[]", "<html>"] {
            #expect(throws: HubError.self) {
                try HubListing(Data(answer.utf8), repository: repository, url: "U")
            }
        }
        #expect(throws: HubError.self) { try listing("", sha: "main") }
    }

    /// Known answers: git's name of "hello\n", and SHA-256 of "abc" (FIPS 180-2, B.1).
    @Test func digests() {
        var blob = HubDigest.gitBlob("").computation(size: 6)
        blob.add(Data("hel".utf8))
        blob.add(Data("lo\n".utf8))
        #expect(blob.text == "ce013625030ba8dba906f756967f9e9ca394464a" && blob.count == 6)
        var sha256 = HubDigest.sha256("").computation(size: 3)
        sha256.add(Data("abc".utf8))
        #expect(
            sha256.text == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func whatAHubSaysCommandsNoTerminal() {
        let name = "a\u{9b}31m\u{202e}\n"
        for error in [
            HubError.fileNameRefused(name), .shardMissing(index: "i", shard: name),
            .refused(url: "u", status: 500, message: name), .repositoryInvalid(name),
        ] {
            #expect(
                !error.description.unicodeScalars.contains {
                    "\u{9b}\u{202e}\n".unicodeScalars.contains($0)
                })
        }
    }

    /// A host that cannot be reached, or is not trusted, is a wrong address at first and a lost network
    /// once the hub has answered.
    @Test(arguments: [URLError.Code.cannotConnectToHost, .cannotFindHost, .unknown])
    func lostNetworks(code: URLError.Code) {
        #expect(!HubClient.mayPass(URLError(code), begun: false))
        #expect(HubClient.mayPass(URLError(code), begun: true))
    }

    private func redirected(_ from: String, _ to: String) throws -> URLRequest {
        var asked = URLRequest(url: try #require(URL(string: from)))
        asked.setValue("Bearer secret", forHTTPHeaderField: "Authorization")
        asked.setValue("bytes=5-", forHTTPHeaderField: "Range")
        return try HubExchange.redirected(to: to, from: asked.url, asked: asked)
    }

    /// Other hosts, ports and schemes get no token, and a range stays.
    @Test(arguments: [
        ("https://hub/a", "https://hub/b", true), ("https://hub/a", "https://HUB/b", true),
        ("https://hub/a", "https://cdn/b", false), ("https://hub/a", "https://hub:444/b", false),
        ("http://hub/a", "http://hub:81/b", false), ("http://hub/a", "https://hub/b", false),
        ("https://hub/a", "//cdn/b", false), ("https://hub/a", "/b", true),
    ])
    func redirects(from: String, to: String, keepsToken: Bool) throws {
        let next = try redirected(from, to)
        #expect((next.value(forHTTPHeaderField: "Authorization") != nil) == keepsToken)
        #expect(next.value(forHTTPHeaderField: "Range") == "bytes=5-")
    }

    /// Relative references keep their escapes (RFC 3986 section 5.4).
    @Test(arguments: [
        ("https://hub/a/b?c", "/x%2Fy?z=%2F", "https://hub/x%2Fy?z=%2F"),
        ("https://hub/a/b?c", "y", "https://hub/a/y"),
        ("https://hub/a/b?c", "?x", "https://hub/a/b?x"),
    ])
    func relativeRedirects(from: String, to: String, target: String) throws {
        #expect(try redirected(from, to).url?.absoluteString == target)
    }

    @Test(arguments: [
        ("https://hub/a", "http://hub/b"), ("http://hub/a", "file:///etc/passwd"),
        ("https://hub/a", "ftp://hub/b"), ("https://hub/a", "mailto:a@b"),
        ("http://hub/a", "http:///b"),
        ("http://hub/a", "data:,x"),
    ])
    func redirectsThatAreNotFollowed(from: String, to: String) throws {
        #expect {
            try redirected(from, to)
        } throws: {
            if case HubError.redirectRefused = $0 { true } else { false }
        }
    }
}
