package import BiGSModel
package import Tokenization

/// Why a text could not be encoded. `input` is the index of the text in its request.
package enum ServiceError: Error, Sendable {
    /// The queue is full: `queuedTokens` wait or run, and there may be room in `retryAfter` seconds.
    case overloaded(queuedTokens: Int, retryAfter: Int)
    /// The text has more tokens than the model's window, and truncation was refused.
    case textTooLong(input: Int, tokens: Int, limit: Int)
    /// A token id that the vocabulary does not have.
    case unknownToken(input: Int, position: Int, id: Int, vocabularySize: Int)
    /// No tokens at all: an empty list of ids.
    case emptyInput(input: Int)
    /// The checkpoint lacks the head that the request needs.
    case headMissing(needed: Head, available: [Head])
    /// An option that this model cannot take; `field` names it.
    case unsupported(field: String, reason: String)
    /// A text that an option cannot be taken for; `field` names the option, and the reason goes on from
    /// the text's name.
    case unfit(input: Int, field: String, reason: String)
    /// The numbers that came out are not finite; nothing was kept or returned.
    case notFinite(input: Int)
    /// The caller wanted a kept answer only, and there is none.
    case notCached(input: Int)
    /// The tokenizer refused the text.
    case tokenizer(input: Int, TokenizerError)
    /// The model refused the tokens.
    case model(ModelError)
    /// The caller left before the answer was ready.
    case cancelled
    /// The request's deadline passed; its work was dropped.
    case deadlinePassed
    /// The service is shutting down.
    case shuttingDown
}

extension ServiceError {
    /// The index of the text that is to blame; nil where it is none's fault.
    package var input: Int? {
        switch self {
        case .textTooLong(let input, _, _), .unknownToken(let input, _, _, _),
            .emptyInput(let input), .notFinite(let input), .notCached(let input),
            .tokenizer(let input, _), .unfit(let input, _, _):
            input
        default: nil
        }
    }
}

extension ServiceError: CustomStringConvertible {
    package var description: String {
        text(input: input.map { "inputs[\($0)]" } ?? "", truncate: "truncate: true")
    }

    /// What it says, with another name for the text that is to blame, and for what lets texts be cut.
    package func text(input name: String, truncate: String) -> String {
        switch self {
        case .overloaded(let tokens, let seconds):
            "the queue is full: \(tokens) tokens wait or run; try again in \(seconds) s"
        case .textTooLong(_, let tokens, let limit):
            "\(name) has " + Self.tooLong(tokens, limit, truncate: truncate)
        case .unknownToken(_, let position, let id, let size):
            "\(name)[\(position)] is token \(id); the vocabulary has 0 to \(size - 1)"
        case .emptyInput: "\(name) is an empty list of tokens"
        case .headMissing(let needed, let available):
            "the model has no \(needed.rawValue) head; it has: "
                + available.map(\.rawValue).joined(separator: ", ")
        case .unsupported(let field, let reason): "\(field): \(reason)"
        case .unfit(_, let field, let reason): "\(field): \(name) \(reason)"
        case .notFinite: "\(name) led to numbers that are not finite"
        case .notCached: "\(name) is not in the cache"
        case .tokenizer(_, let error): "\(name): \(error)"
        case .model(let error): "\(error)"
        case .cancelled: "the request was cancelled"
        case .deadlinePassed: "the answer was not ready within the request's time"
        case .shuttingDown: "the server is shutting down"
        }
    }

    /// What is said of a text that is over the window, after its name.
    /// - Parameter truncate: what lets it be cut.
    static func tooLong(_ tokens: Int, _ limit: Int, truncate: String) -> String {
        "\(tokens) tokens, and the model's window is \(limit); pass \(truncate) to use \(limit) of "
            + "them"
    }
}
