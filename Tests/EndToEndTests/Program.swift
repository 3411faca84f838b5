import Foundation
import TestSupport

/// The real `bigs` binary, beside the test bundle that runs.
enum Program {
    struct NotBuilt: Error {}

    /// The environment of the tests without what would be settings of the program or lead it to a proxy.
    static let environment: [String: String] = {
        let prefixes = ["BIGS_", "HF_", "http_proxy", "https_proxy", "all_proxy"]
        return ProcessInfo.processInfo.environment.filter { name, _ in
            !prefixes.contains { name.hasPrefix($0) || name.hasPrefix($0.uppercased()) }
        }
    }()

    static func url() throws -> URL {
        let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let places = [here] + CommandLine.arguments.filter { $0.contains(".xctest") }
        for place in places {
            var folder = URL(filePath: place).resolvingSymlinksInPath()
            for _ in 0..<4 {
                folder.deleteLastPathComponent()
                let program = folder.appending(path: "bigs", directoryHint: .notDirectory)
                if FileManager.default.isExecutableFile(atPath: program.path) { return program }
            }
        }
        throw NotBuilt()
    }

    struct Outcome {
        let status: Int32
        let output: Data
        let errors: String

        var lines: [Substring] { String(decoding: output, as: UTF8.self).split(separator: "\n") }

        /// Standard output as JSON lines.
        func objects() throws -> [[String: Any]] {
            try lines.map {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
            }
        }
    }

    /// Runs a command to its end, with some more variables in its environment. Its standard output goes
    /// to `output`, and it runs in `folder`, where those are given.
    static func run(
        _ arguments: [String], input: Data = Data(), environment: [String: String] = [:],
        output: URL? = nil, folder workingFolder: URL? = nil
    ) throws -> Outcome {
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["in", "out", "err"].map { folder.appending(path: $0) }
        try input.write(to: paths[0])
        for path in paths.dropFirst() { try Data().write(to: path) }
        let process = Process()
        process.executableURL = try url()
        process.arguments = arguments
        if let workingFolder { process.currentDirectoryURL = workingFolder }
        process.environment = Self.environment.merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: paths[0])
        process.standardOutput = try FileHandle(forWritingTo: output ?? paths[1])
        process.standardError = try FileHandle(forWritingTo: paths[2])
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: try Data(contentsOf: paths[1]),
            errors: String(decoding: try Data(contentsOf: paths[2]), as: UTF8.self))
    }
}
