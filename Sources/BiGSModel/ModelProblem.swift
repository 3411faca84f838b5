internal import Checkpoints

/// One thing that keeps a checkpoint from being the model its configuration describes. Names are
/// spelled as in the file.
package enum ModelProblem: Error, Sendable, Equatable {
    /// config.json is wrong; nothing else could be checked.
    case configuration(ConfigurationError)
    /// A tensor that the model needs is absent.
    case missing(tensor: String, shape: [Int])
    /// A tensor that the model has no use for.
    case unknown(tensor: String)
    /// A tensor has another shape.
    case wrongShape(tensor: String, expected: [Int], got: [Int])
    /// A tensor holds a NaN or an infinity, the first at `index` in row-major order.
    case nonFinite(tensor: String, index: Int)
    /// A tensor holds a number that the model cannot run with.
    case outOfRange(tensor: String, value: Float, allowed: String)
    /// Two tensors must hold the same numbers and do not.
    case conflict(tensor: String, with: String)
    /// The stored position buffer is not 0, 1, 2, …
    case unusualPositions(tensor: String)
    /// The tensors together are larger than the files: many are views of the same stored numbers.
    case sharedNumbers(bytes: Int, stored: Int)
    /// A tensor could not be read.
    case unreadable(tensor: String, reason: String)
    /// The head needs an activation that this engine does not have.
    case unsupportedActivation(name: String)
}

extension ModelProblem: CustomStringConvertible {
    package var description: String { message.printable }

    private var message: String {
        switch self {
        case .configuration(let error): "config.json: \(error)"
        case .missing(let tensor, let shape): "\(tensor): missing, expected shape \(shape)"
        case .unknown(let tensor): "\(tensor): unknown tensor"
        case .wrongShape(let tensor, let expected, let got):
            "\(tensor): shape \(got), expected \(expected)"
        case .nonFinite(let tensor, let index):
            "\(tensor): not a finite number at element \(index)"
        case .outOfRange(let tensor, let value, let allowed):
            "\(tensor): \(value) is out of range, allowed is \(allowed)"
        case .conflict(let tensor, let other): "\(tensor): differs from \(other), must be equal"
        case .unusualPositions(let tensor): "\(tensor): is not 0, 1, 2, …"
        case .sharedNumbers(let bytes, let stored):
            "the tensors have \(bytes) bytes, and their files only \(stored): many share their numbers"
        case .unreadable(let tensor, let reason): "\(tensor): \(reason)"
        case .unsupportedActivation(let name):
            "config.json: hidden_act \"\(name)\" is not supported"
        }
    }
}
