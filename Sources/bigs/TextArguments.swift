import ArgumentParser
import Foundation

/// A text of the command line, and what its result is called by.
struct NamedText {
    let id: String
    /// Where it stands, for messages.
    let place: String
    let text: String
    var pair: String?
}

/// Where the texts come from: files, standard input, or JSON lines.
struct TextArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Files, one text each; none or - reads standard input.", valueName: "file"))
    var files: [String] = []

    @Flag(help: #"Each line is a JSON object: {"text": …}, with "id" and "pair" where wanted."#)
    var jsonl = false

    private struct Line: Decodable {
        let text: String
        let pair: String?
        let id: Identifier?
    }

    /// An id is a string or a whole number.
    private struct Identifier: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                text = String(number)
            } else {
                text = try container.decode(String.self)
            }
        }
    }

    /// Hands every text to `body`, in order, without holding more than one line of JSON lines.
    /// - Parameter pausing: called before more of the input is waited for.
    func read(
        _ body: (NamedText) async throws -> Void, pausing: () async throws -> Void = {}
    ) async throws {
        for file in files.isEmpty ? ["-"] : files {
            if jsonl {
                var number = 0
                var lines = try LineReader(path: file)
                // Not one asynchronous function: the optimiser of Swift 6.3 crashes on it.
                var mayWait = false
                reading: while true {
                    switch try lines.next(mayWait: mayWait) {
                    case .end: break reading
                    case .later:
                        try await pausing()
                        mayWait = true
                    case .line(let line):
                        mayWait = false
                        number += 1
                        if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
                        try await body(parse(line, file: file, number: number))
                    }
                }
            } else {
                try await body(
                    NamedText(
                        id: file, place: StandardInput.name(of: file), text: contents(of: file)))
            }
        }
    }

    private func parse(_ line: [UInt8], file: String, number: Int) throws -> NamedText {
        let place = "\(StandardInput.name(of: file)), line \(number)"
        do {
            let line = try JSONDecoder().decode(Line.self, from: Data(line))
            return NamedText(
                id: line.id?.text ?? String(number), place: place, text: line.text,
                pair: line.pair)
        } catch {
            throw CommandError(description: "\(place): \(Self.reason(of: error))")
        }
    }

    /// What is wrong with a line.
    private static func reason(of error: any Error) -> String {
        switch error {
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            switch context.codingPath.first?.stringValue {
            case "id": "id: expected a string or a whole number"
            case let field?: "\(field): expected a string"
            case nil: "expected a JSON object with a string \"text\""
            }
        case DecodingError.keyNotFound: "expected a JSON object with a string \"text\""
        default: "is not JSON"
        }
    }

    private func contents(of file: String) throws -> String {
        let data: Data
        do {
            data = try StandardInput.open(file).readToEnd() ?? Data()
        } catch {
            throw StandardInput.failure(of: file, error)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw CommandError(description: "\(StandardInput.name(of: file)) is not UTF-8")
        }
        return text
    }
}

/// The lines of a file, read in blocks.
struct LineReader {
    private let handle: FileHandle
    private let path: String
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    init(path: String) throws {
        self.path = path
        handle = try StandardInput.open(path)
    }

    enum Step {
        /// The next line, without its end.
        case line([UInt8])
        /// The rest of it has yet to come.
        case later
        /// There was a last one.
        case end
    }

    /// The next line; where it has not come whole, waits for it or says so.
    mutating func next(mayWait: Bool) throws -> Step {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer { position = end + 1 }
                return .line(Array(buffer[position..<end]))
            }
            if isAtEnd {
                defer { position = buffer.count }
                return position < buffer.count ? .line(Array(buffer[position...])) : .end
            }
            if !mayWait, !StandardInput.isReady(handle) { return .later }
            buffer.removeFirst(position)
            position = 0
            searched = buffer.count
            if let block = try StandardInput.block(of: handle, at: path) {
                buffer.append(contentsOf: block)
            } else {
                isAtEnd = true
            }
        }
    }
}
