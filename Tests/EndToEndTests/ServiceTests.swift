import Foundation
import TestSupport
import Testing

/// Keys, origins, logs, metrics and settings of the real binary.
@Suite(.serialized) struct ServiceTests {
    private func bearer(_ key: String) -> [String: String] { ["authorization": "Bearer \(key)"] }

    @Test(.timeLimit(.minutes(10))) func keysAreReadAgainOnSIGHUP() async throws {
        let file = try SmallModel.temporaryDirectory().appending(path: "keys")
        try Data("# one\nold-key\n".utf8).write(to: file)
        let server = try await RunningServer([
            "--store", "none", "--api-key", "fixed-key", "--api-key-file", file.path,
        ])
        func status(_ key: String) async throws -> Int {
            try await server.send("GET", "/info", headers: bearer(key)).status
        }
        #expect(try await status("old-key") == 200)
        #expect(try await status("new-key") == 401)

        try Data("new-key\n".utf8).write(to: file)
        server.signal(SIGHUP)
        while try await status("new-key") != 200 {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await status("old-key") == 401)
        #expect(try await status("fixed-key") == 200)

        try Data("two words\n".utf8).write(to: file)
        server.signal(SIGHUP)
        while !server.logText.contains("not reloaded") {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(server.logText.contains("line 1"))
        #expect(!server.logText.contains("two words"))
        #expect(try await status("new-key") == 200)
        #expect(server.end(SIGTERM) == 0)
    }

    /// A service manager's reload must not end a server that has nothing to read again.
    @Test(.timeLimit(.minutes(10))) func aHangupWithoutAFileOfKeysChangesNothing() async throws {
        let server = try await RunningServer(["--store", "none"], waitUntilReady: false)
        server.signal(SIGHUP)
        while try await server.get("/ready").status != 200 {
            try await Task.sleep(for: .milliseconds(5))
        }
        server.signal(SIGHUP)
        #expect(try await server.get("/health").status == 200)
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func everyLogLineIsJSONAndNoneHasAKeyOrAText() async throws {
        let file = try SmallModel.temporaryDirectory().appending(path: "keys")
        try Data("key-in-file\n".utf8).write(to: file)
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let server = try await RunningServer(
            [
                "--store", store, "--api-key-file", file.path, "--log-format", "json",
                "--log-level", "trace",
            ], environment: ["BIGS_API_KEY": "key-in-environment, second-key"])
        let body = Data(#"{"inputs": ["a text for nobody"]}"#.utf8)
        let answer = try await server.send(
            "POST", "/embed", body,
            headers: bearer("second-key").merging(["x-request-id": "id-1"]) { $1 })
        #expect(answer.status == 200)
        _ = try await server.send("POST", "/embed", body, headers: bearer("wrong-key"))
        #expect(server.end(SIGTERM) == 0)
        let lines = server.logText.split(separator: "\n")
        for line in lines {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)")
        }
        #expect(lines.contains { $0.contains(#""request_id":"id-1""#) && $0.contains("/embed") })
        for secret in ["key-in", "second-key", "wrong-key", "a text for nobody"] {
            #expect(!server.logText.contains(secret), "\(secret)")
        }
    }

    @Test func metricsComeFromTheEngineAndTheStore() async throws {
        let store = try SmallModel.temporaryDirectory().appending(path: "store.sqlite").path
        let server = try await RunningServer(["--store", store])
        for _ in 0..<2 { _ = try await server.post("/embed", inputs: ["one", "two"]) }
        let text = String(decoding: try await server.get("/metrics").body, as: UTF8.self)
        for line in [
            "bigs_cache_hits_total 2", "bigs_cache_misses_total 2", "te_batch_next_size_count 1",
            "te_batch_next_size_sum 2", "bigs_store_open 1",
            "te_embed_success 4", "bigs_store_encodings 2", "bigs_store_documents 0",
            #"te_request_success{method="batch"} 2"#,
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func pagesOfListedOriginsMayAsk() async throws {
        let server = try await RunningServer(
            ["--store", "none"],
            environment: ["BIGS_CORS_ORIGIN": "https://a.example\nhttps://b.example"])
        for origin in ["https://a.example", "https://b.example"] {
            let answer = try await server.send("GET", "/health", headers: ["origin": origin])
            #expect(answer.headers["access-control-allow-origin"] == origin)
        }
        let other = try await server.send(
            "GET", "/health", headers: ["origin": "https://c.example"])
        #expect(other.headers["access-control-allow-origin"] == nil)
    }

    @Test func anOpenServerSaysSoUnlessItHasKeys() async throws {
        let open = try await RunningServer(
            ["--store", "none", "--host", "0.0.0.0"], waitUntilReady: false)
        #expect(open.logText.contains("asks for no key"))
        let locked = try await RunningServer(
            ["--store", "none", "--host", "0.0.0.0", "--api-key", "k"], waitUntilReady: false)
        #expect(!locked.logText.contains("asks for no key"))
    }

    @Test(arguments: [
        (["--api-key", "two words"], "--api-key"), (["--api-key", ""], "--api-key"),
        (["--cors-origin", "example"], "--cors-origin"),
        (["--store-max-bytes", "0"], "--store-max-bytes"),
        (["--store-max-bytes", "1000"], "--store-max-bytes"), (["--host", "300.1.1.1"], "--host"),
        (["--unix-socket", ""], "--unix-socket"), (["--heads", ""], "--heads"),
        (["--store-tokenizer", "trigram"], "--store-tokenizer"),
        (["--cache-ttl", "-1"], "--cache-ttl"), (["--log-format", "xml"], "log-format"),
    ])
    func badSettings(arguments: [String], flag: String) throws {
        let outcome = try Program.run(["serve"] + arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(flag))
        #expect(!outcome.errors.contains("two words"))
    }

    @Test func aMissingKeyFileEndsTheServer() throws {
        let outcome = try Program.run(["serve", "--api-key-file", "/nowhere/keys"])
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == "Error: --api-key-file: /nowhere/keys: No such file or directory\n")
    }

    @Test func everySettingIsAlsoAVariable() throws {
        let help = String(decoding: try Program.run(["serve", "--help"]).output, as: UTF8.self)
        let flags = Set(help.matches(of: /--[a-z][a-z-]+/).map { String($0.output) })
        // These take any text.
        let texts: Set = [
            "--host", "--unix-socket", "--model", "--store", "--heads", "--api-key",
            "--api-key-file", "--cors-origin",
        ]
        #expect(flags.isSuperset(of: texts) && flags.count > 25)
        // An unreadable value in the variable shows that the flag is taken from it.
        for flag in flags.subtracting(texts).subtracting(["--help", "--version"]) {
            let name = "BIGS_" + flag.dropFirst(2).uppercased().replacing("-", with: "_")
            let outcome = try Program.run(["serve"], environment: [name: "?"])
            #expect(outcome.status == 64, "\(name)")
            #expect(outcome.errors.contains(String(flag.dropFirst(2))), "\(name)")
            // Who set it need not be who reads the error.
            #expect(outcome.errors.contains("\(name) sets \(flag)."), "\(outcome.errors)")
        }
        let given = try Program.run(["serve", "--port", "?"], environment: ["BIGS_PORT": "80"])
        #expect(given.status == 64 && !given.errors.contains("BIGS_PORT"))
        let asked = try Program.run(["serve", "--help"], environment: ["BIGS_PORT": "?"])
        #expect(asked.status == 0 && asked.errors.isEmpty)
        let empty = try Program.run(
            ["serve", "--threads", "?"], environment: ["BIGS_PORT": "", "BIGS_HOST": ""])
        #expect(empty.errors.contains("threads") && !empty.errors.contains("host"))
    }
}
