internal import Checkpoints
internal import Foundation

/// Reads typed, range-checked fields of one JSON object. A field that is `null` counts as absent. One
/// that is wrong is noted, and the reading goes on with a value that nothing else is wrong for.
struct ConfigurationReader {
    private let fields: [String: JSONValue]
    /// What is wrong with the fields read so far, in the order of reading.
    private(set) var problems: [ConfigurationError] = []

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
    mutating func integer(
        _ field: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) -> Int {
        noting(instead: range.upperBound) { reader throws(ConfigurationError) in
            try reader.checkedInteger(field, in: range, default: fallback)
        }
    }

    private func checkedInteger(
        _ field: String, in range: ClosedRange<Int>, default fallback: Int?
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
    mutating func number(
        _ field: String, in range: ClosedRange<Double>, default fallback: Double
    ) -> Double {
        noting(instead: fallback) { reader throws(ConfigurationError) in
            try reader.checkedNumber(field, in: range, default: fallback)
        }
    }

    private func checkedNumber(
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
    mutating func boolean(_ field: String, default fallback: Bool) -> Bool {
        noting(instead: fallback) { reader throws(ConfigurationError) in
            guard let value = reader.present(field) else { return fallback }
            guard case .boolean(let boolean) = value else {
                throw .wrongType(field: field, expected: "a boolean", got: value.kind)
            }
            return boolean
        }
    }

    /// The string `field`, nil where it is absent.
    mutating func string(_ field: String) -> String? {
        noting(instead: nil) { reader throws(ConfigurationError) in
            guard let value = reader.present(field) else { return nil }
            guard case .string(let string) = value else {
                throw .wrongType(field: field, expected: "a string", got: value.kind)
            }
            return string
        }
    }

    /// The string `field` as one of the values that an enumeration has, nil where it is absent;
    /// `allowed` names them in a message.
    mutating func oneOf<Choice: RawRepresentable<String>>(
        _ field: String, allowed: String
    ) -> Choice? {
        guard let name = string(field) else { return nil }
        let choice = Choice(rawValue: name)
        if choice == nil {
            problems.append(.unknownValue(field: field, value: name, allowed: allowed))
        }
        return choice
    }

    /// The array of strings `field`, empty where it is absent.
    mutating func strings(_ field: String) -> [String] {
        noting(instead: []) { reader throws(ConfigurationError) in
            guard let value = reader.present(field) else { return [] }
            guard case .array(let values) = value else {
                throw .wrongType(field: field, expected: "an array of strings", got: value.kind)
            }
            var strings: [String] = []
            for value in values {
                guard case .string(let string) = value else {
                    throw .wrongType(
                        field: field, expected: "an array of strings", got: value.kind)
                }
                strings.append(string)
            }
            return strings
        }
    }

    /// The object `field` whose keys are 0, 1, … n - 1 and whose values are strings, in the order
    /// of the keys; nil where it is absent.
    mutating func indexedStrings(_ field: String, atMost limit: Int) -> [String]? {
        noting(instead: []) { reader throws(ConfigurationError) in
            try reader.checkedIndexedStrings(field, atMost: limit)
        }
    }

    private func checkedIndexedStrings(
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

    /// Notes that the file is another architecture's, where it names one and lacks a field that every
    /// BiGS has: said first, for what else is missing then is of no interest.
    mutating func refuseOtherModels(unless field: String) {
        guard present(field) == nil, case .string(let type)? = present("model_type"),
            type.lowercased() != "bigs"
        else { return }
        problems.append(.otherModel(type: type))
    }

    /// What `read` gives, or `instead` where it fails; then the failure is noted.
    private mutating func noting<Value>(
        instead: Value, _ read: (Self) throws(ConfigurationError) -> Value
    ) -> Value {
        do {
            return try read(self)
        } catch {
            problems.append(error)
            return instead
        }
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
