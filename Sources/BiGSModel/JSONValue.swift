internal import Checkpoints

/// A JSON value whose type is kept apart: `true` is no number and `1.0` no integer by accident.
enum JSONValue: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads the next value. Throws what is wrong with the text, nesting without reason included.
    init(_ scanner: inout JSONScanner) throws(CheckpointError) {
        switch try scanner.next() {
        case "{":
            var members: [String: JSONValue] = [:]
            try scanner.object { scanner, key throws(CheckpointError) in
                members[key] = try JSONValue(&scanner)
            }
            self = .object(members)
        case "[":
            var elements: [JSONValue] = []
            try scanner.array { scanner throws(CheckpointError) in
                elements.append(try JSONValue(&scanner))
            }
            self = .array(elements)
        case "\"": self = .string(try scanner.string())
        default: self.init(literal: try scanner.literal())
        }
    }

    /// The value of a literal that the scanner has checked.
    private init(literal: String) {
        switch literal {
        case "true": self = .boolean(true)
        case "false": self = .boolean(false)
        default:
            if let integer = Int(literal) {
                self = .integer(integer)
            } else if let number = Double(literal) {
                self = .number(number)
            } else {
                self = .null
            }
        }
    }

    /// The type in words, for error messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
