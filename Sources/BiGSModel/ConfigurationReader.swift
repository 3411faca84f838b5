internal import Checkpoints
internal import Foundation

/// Reads typed, range-checked fields of one JSON object. A field that is `null` counts as absent.
struct ConfigurationReader {
    private let fields: [String: JSONValue]

    /// Parses `data`, which comes from a file nobody vouches for.
    init(json data: Data) throws(ConfigurationError) {
        let file = MappedFile(name: "config.json", bytes: Array(data))
        var scanner = JSONScanner(file, in: 0..<file.count)
        let value: JSONValue
        do throws(CheckpointError) {
            value = try JSONValue(&scanner)
            try scanner.end()
        } catch {
            // Without the file's name, with which the message begins: who shows this gives it.
            throw .notJSON(detail: String("\(error)".dropFirst(file.name.count + ": ".count)))
        }
        guard case .object(let fields) = value else { throw .notAnObject }
        self.fields = fields
    }

    /// The value of `field` in `range`; without a default the field must be there.
    func integer(
        _ field: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(ConfigurationError) -> Int {
        guard let value = present(field) else {
            guard let fallback else { throw .missing(field: field) }
            return fallback
        }
        let number: Int
        switch value {
        case .integer(let integer): number = integer
        case .number(let double):
            guard let exact = Int(exactly: double) else {
                throw .outOfRange(field: field, value: "\(double)", allowed: Self.text(range))
            }
            number = exact
        default: throw .wrongType(field: field, expected: "an integer", got: value.kind)
        }
        guard range.contains(number) else {
            throw .outOfRange(field: field, value: "\(number)", allowed: Self.text(range))
        }
        return number
    }

    /// The value of `field` in `range`, or the default where it is absent.
    func number(
        _ field: String, in range: ClosedRange<Double>, default fallback: Double
    ) throws(ConfigurationError) -> Double {
        guard let value = present(field) else { return fallback }
        let number: Double
        switch value {
        case .integer(let integer): number = Double(integer)
        case .number(let double): number = double
        default: throw .wrongType(field: field, expected: "a number", got: value.kind)
        }
        guard range.contains(number) else {
            throw .outOfRange(
                field: field, value: "\(number)",
                allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The boolean `field`, or the default where it is absent.
    func boolean(_ field: String, default fallback: Bool) throws(ConfigurationError) -> Bool {
        guard let value = present(field) else { return fallback }
        guard case .boolean(let boolean) = value else {
            throw .wrongType(field: field, expected: "a boolean", got: value.kind)
        }
        return boolean
    }

    /// The string `field`, nil where it is absent.
    func string(_ field: String) throws(ConfigurationError) -> String? {
        guard let value = present(field) else { return nil }
        guard case .string(let string) = value else {
            throw .wrongType(field: field, expected: "a string", got: value.kind)
        }
        return string
    }

    /// The array of strings `field`, empty where it is absent.
    func strings(_ field: String) throws(ConfigurationError) -> [String] {
        guard let value = present(field) else { return [] }
        guard case .array(let values) = value else {
            throw .wrongType(field: field, expected: "an array of strings", got: value.kind)
        }
        var strings: [String] = []
        for value in values {
            guard case .string(let string) = value else {
                throw .wrongType(field: field, expected: "an array of strings", got: value.kind)
            }
            strings.append(string)
        }
        return strings
    }

    /// The object `field` whose keys are 0, 1, … n - 1 and whose values are strings, in the order
    /// of the keys; nil where it is absent.
    func indexedStrings(
        _ field: String, atMost limit: Int
    ) throws(ConfigurationError) -> [String]? {
        guard let value = present(field) else { return nil }
        guard case .object(let entries) = value else {
            throw .wrongType(field: field, expected: "an object", got: value.kind)
        }
        guard (1...limit).contains(entries.count) else {
            throw .outOfRange(
                field: field, value: "\(entries.count) entries", allowed: "1 to \(limit) entries")
        }
        var strings: [String] = []
        for index in 0..<entries.count {
            guard let entry = entries[String(index)] else {
                throw .missing(field: "\(field)[\"\(index)\"]")
            }
            guard case .string(let string) = entry else {
                throw .wrongType(
                    field: "\(field)[\"\(index)\"]", expected: "a string", got: entry.kind)
            }
            strings.append(string)
        }
        return strings
    }

    private func present(_ field: String) -> JSONValue? {
        guard let value = fields[field] else { return nil }
        if case .null = value { return nil }
        return value
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        "\(range.lowerBound) to \(range.upperBound)"
    }
}
