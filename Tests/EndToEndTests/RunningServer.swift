import Foundation
import TestSupport

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A `bigs serve` process that listens on a port of its own.
///
/// Sendable by proof: what is stored is set before `init` returns; after it the process is only
/// signalled and waited for, which Foundation allows from any thread.
final class RunningServer: @unchecked Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: Data
    }

    private let process = Process()
    private let log: URL
    let base: URL

    /// Starts the server, in a folder of its own or the one given, and waits until it is ready.
    /// - Parameter fileLimit: the most bytes that a file of its may get; nil is no limit.
    init(
        _ arguments: [String], environment: [String: String] = [:], folder given: URL? = nil,
        fileLimit: Int? = nil, waitUntilReady: Bool = true
    ) async throws {
        let folder = try given ?? SmallModel.temporaryDirectory()
        log = folder.appending(path: "log")
        try Data().write(to: log)
        process.executableURL = try Program.url()
        process.arguments = ["serve", "--port", "0"] + arguments
        if let fileLimit {
            // The shell counts in blocks of 1,024 bytes.
            let script = #"ulimit -f \#(fileLimit / 1024) && exec "$0" "$@""#
            process.arguments = ["-c", script, try Program.url().path] + (process.arguments ?? [])
            process.executableURL = URL(filePath: "/bin/bash")
        }
        process.environment = Program.environment.merging(environment) { $1 }
        process.currentDirectoryURL = folder
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        var address: String?
        for _ in 0..<6_000 where address == nil && process.isRunning {
            try await Task.sleep(for: .milliseconds(50))
            address = Self.address(in: String(decoding: try Data(contentsOf: log), as: UTF8.self))
        }
        guard let address, let url = URL(string: "http://\(address)") else {
            throw Failed(description: String(decoding: try Data(contentsOf: log), as: UTF8.self))
        }
        base = url
        if waitUntilReady {
            for _ in 0..<12_000 where process.isRunning {
                if try await get("/ready").status == 200 { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            throw Failed(description: logText)
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    private static func address(in log: String) -> String? {
        for line in log.split(separator: "\n") {
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
            if let line = object as? [String: Any], line["message"] as? String == "listening" {
                return line["address"] as? String
            }
        }
        guard let line = log.split(separator: "\n").first(where: { $0.hasSuffix("listening") }),
            let start = line.range(of: "address=")
        else { return nil }
        return line[start.upperBound...].split(separator: " ").first.map(String.init)
    }

    var logText: String { String(decoding: (try? Data(contentsOf: log)) ?? Data(), as: UTF8.self) }

    func get(_ path: String) async throws -> Answer { try await send("GET", path, nil) }

    func get(_ path: String, query: String) async throws -> Answer {
        guard let url = URL(string: "\(base.absoluteString)\(path)?\(query)") else {
            throw Failed(description: "\(path)?\(query) is not a URL")
        }
        return try await send("GET", url, nil)
    }

    func post(_ path: String, _ body: String) async throws -> Answer {
        try await send("POST", path, Data(body.utf8))
    }

    func post(_ path: String, inputs: [String]) async throws -> Answer {
        try await send(
            "POST", path, JSONSerialization.data(withJSONObject: ["inputs": inputs]))
    }

    func send(
        _ method: String, _ path: String, _ body: Data? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await send(method, base.appending(path: path), body, headers: headers)
    }

    private func send(
        _ method: String, _ url: URL, _ body: Data?, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        request.timeoutInterval = 600
        if body != nil { request.setValue("application/json", forHTTPHeaderField: "content-type") }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else {
            throw Failed(description: "no HTTP answer")
        }
        var headers: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            headers["\(name)".lowercased()] = "\(value)"
        }
        return Answer(status: response.statusCode, headers: headers, body: data)
    }

    /// Waits until the store holds so many cached encodings: an answer waits only for a quick disk.
    func waitUntilCached(_ count: Int) async throws {
        while true {
            let store =
                try JSONSerialization.jsonObject(with: try await get("/store").body)
                as? [String: Any]
            if store?["cached_encodings"] as? Int == count { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Sends a signal, unless the server has ended: its number may be another process's then.
    func signal(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
    }

    /// Sends a signal and waits for the end; the exit status, or the signal's number.
    func end(_ signal: Int32) -> Int32 {
        self.signal(signal)
        process.waitUntilExit()
        return process.terminationStatus
    }
}
