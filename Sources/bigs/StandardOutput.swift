import Checkpoints
import Foundation
import HTTPServer

/// Standard output, where results go. What cannot be written is an error, so that no command that lost
/// its results ends well.
enum StandardOutput {
    struct WriteError: Error, CustomStringConvertible {
        let reason: String
        var description: String { "standard output: \(reason)" }
    }

    /// Writes at once, also into a file: whoever waits sees how far it is.
    static func write(_ data: Data) throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: data)
        } catch {
            throw WriteError(reason: SystemReason.text(of: error))
        }
    }

    /// Writes a text, and ends its line unless it says otherwise.
    static func print(_ text: String, terminator: String = "\n") throws {
        try write(Data((text + terminator).utf8))
    }

    /// Standard output as the end of a stream.
    static var writer: BodyWriter { BodyWriter { bytes in try write(Data(bytes)) } }
}

/// Writes JSON lines to standard output.
enum JSONLines {
    /// One value as one line; keys sorted so that equal results are equal lines.
    static func write(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var data = try encoder.encode(value)
        data.append(0x0A)
        try StandardOutput.write(data)
    }
}
