package import Checkpoints

/// Why a model could not be made from its files, or could not run on what it was given.
package enum ModelError: Error, Sendable {
    /// config.json is not what a BiGS model needs.
    case configuration(ConfigurationError)
    /// The tensors do not make the model that config.json describes: every problem, by name.
    case invalidModel([ModelProblem])
    /// A tensor could not be read from its file.
    case checkpoint(CheckpointError)
    /// The batch or a sequence in it cannot be run.
    case input(InputError)
}

/// What is wrong with one field of config.json.
package enum ConfigurationError: Error, Sendable, Equatable {
    /// The file is not JSON; `detail` is the decoder's reason.
    case notJSON(detail: String)
    /// The file is JSON but not an object.
    case notAnObject
    /// A field without a default is absent.
    case missing(field: String)
    /// A field has a value of another type.
    case wrongType(field: String, expected: String, got: String)
    /// A number is outside what this field can be.
    case outOfRange(field: String, value: String, allowed: String)
    /// A string is none of the values that this field can have.
    case unknownValue(field: String, value: String, allowed: String)
    /// The configuration is of another architecture: it names one and has no state space.
    case otherModel(type: String)
}

/// What is wrong with the input of one forward pass. `sequence` counts from 0 in the batch.
package enum InputError: Error, Sendable, Equatable {
    /// The batch holds no sequence.
    case emptyBatch
    /// A sequence holds no token.
    case emptySequence(sequence: Int)
    /// A sequence has more tokens than the model has positions.
    case tooLong(sequence: Int, tokens: Int, maximum: Int)
    /// An array beside the ids has another length than the ids.
    case lengthMismatch(sequence: Int, field: String, expected: Int, got: Int)
    /// A value is not in `0..<limit`.
    case outOfRange(sequence: Int, field: String, index: Int, value: Int32, limit: Int)
    /// The batch has more tokens than the workspace was made for.
    case overCapacity(tokens: Int, capacity: Int)
    /// The workspace was made for a model of another size.
    case foreignWorkspace
}

extension ModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let error): "config.json: \(error)"
        case .invalidModel(let problems):
            problems.map(\.description).joined(separator: "\n")
        case .checkpoint(let error): "\(error)"
        case .input(let error): "\(error)"
        }
    }
}

extension ConfigurationError: CustomStringConvertible {
    package var description: String { message.printable }

    private var message: String {
        switch self {
        case .notJSON(let detail): "not JSON: \(detail)"
        case .notAnObject: "the top of the file is not an object"
        case .missing(let field): "\(field) is missing"
        case .wrongType(let field, let expected, let got): "\(field) is \(got), not \(expected)"
        case .outOfRange(let field, let value, let allowed):
            "\(field) is \(value), allowed is \(allowed)"
        case .unknownValue(let field, let value, let allowed):
            "\(field) is \"\(value)\", allowed is \(allowed)"
        case .otherModel(let type):
            "model_type is \"\(type)\", and nothing but BiGS is served"
        }
    }
}

extension InputError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .emptyBatch: "the batch holds no sequence"
        case .emptySequence(let sequence): "sequence \(sequence) holds no token"
        case .tooLong(let sequence, let tokens, let maximum):
            "sequence \(sequence) has \(tokens) tokens, the model takes at most \(maximum)"
        case .lengthMismatch(let sequence, let field, let expected, let got):
            "sequence \(sequence): \(field) has \(got) values for \(expected) input_ids"
        case .outOfRange(let sequence, let field, let index, let value, let limit):
            "sequence \(sequence): \(field)[\(index)] is \(value), allowed is 0 to \(limit - 1)"
        case .overCapacity(let tokens, let capacity):
            "the batch has \(tokens) tokens, the workspace holds \(capacity)"
        case .foreignWorkspace: "the workspace was made for a model of another size"
        }
    }
}
