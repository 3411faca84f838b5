import Foundation
package import Logging

/// Logs one JSON object a line: `time`, `level`, `message`, `logger`, and the metadata beside them.
///
/// Numbers in the metadata stay numbers. A line is handed on whole, so that lines of several
/// threads do not mix.
package struct JSONLogHandler: LogHandler {
    package var logLevel = Logger.Level.info
    package var metadata = Logger.Metadata()
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let write: @Sendable ([UInt8]) -> Void

    /// A handler that hands each line, newline included, to `write`.
    package init(
        label: String, metadataProvider: Logger.MetadataProvider? = nil,
        write: @escaping @Sendable ([UInt8]) -> Void = Self.standardError
    ) {
        self.label = label
        self.metadataProvider = metadataProvider
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() {
            all.merge(provided) { _, provided in provided }
        }
        if let given = event.metadata { all.merge(given) { _, given in given } }
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("time")
            writer.string(Self.timestamp(.now))
            writer.key("level")
            writer.string(event.level.rawValue)
            writer.key("message")
            writer.string("\(event.message)")
            writer.key("logger")
            writer.string(label)
            for (key, value) in all.sorted(by: { $0.key < $1.key }) {
                // The four above are the line's own.
                let taken = ["time", "level", "message", "logger"].contains(key)
                writer.key(taken ? "metadata_" + key : key)
                Self.write(value, &writer)
            }
        }
        write(writer.bytes + [UInt8(ascii: "\n")])
    }

    private static func write(_ value: Logger.MetadataValue, _ writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.string(text)
        case .stringConvertible(let value as Int): writer.number(value)
        case .stringConvertible(let value as Bool): writer.bool(value)
        case .stringConvertible(let value): writer.string("\(value)")
        case .array(let values):
            writer.array { writer in for value in values { write(value, &writer) } }
        case .dictionary(let values):
            writer.object { writer in
                for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                    writer.key(key)
                    write(value, &writer)
                }
            }
        }
    }

    /// RFC 3339 in UTC with milliseconds.
    private static func timestamp(_ date: Date) -> String {
        date.formatted(
            .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(
                separator: .omitted))
    }

    /// Writes to the process's standard error.
    package static let standardError: @Sendable ([UInt8]) -> Void = { bytes in
        try? FileHandle.standardError.write(contentsOf: Data(bytes))
    }
}
