import Serving
import Tokenization

/// The `inputs` of an encoding route: a text, a list of texts, a list of token ids, or a list of
/// such lists.
struct Inputs: Decodable {
    let items: [EncodingInput]
    /// Whether it was one input and not a list.
    let isSingle: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            items = [.text(text)]
            isSingle = true
        } else if let texts = try container.strings() {
            items = texts.map(EncodingInput.text)
            isSingle = false
        } else if let ids = try? container.decode([Int32].self) {
            items = [.tokens(ids)]
            isSingle = true
        } else if let lists = try? container.decode([[Int32]].self) {
            items = lists.map(EncodingInput.tokens)
            isSingle = false
        } else {
            throw FieldError(
                field: decoder.codingPath.last?.wireName ?? "inputs",
                reason: "expected a string, a list of strings, a list of token ids "
                    + "or a list of lists of token ids")
        }
    }
}

extension SingleValueDecodingContainer {
    /// A list of strings; nil where it is something else. Throws where they are too many.
    func strings() throws -> [String]? {
        do {
            return try decode([String].self)
        } catch let error as FieldError {
            throw error
        } catch {
            return nil
        }
    }
}

/// The `inputs` of `/predict`: a text, a pair of texts, or a list of texts and pairs; pairs also as
/// Hugging Face's pipelines have them, `{"text", "text_pair"}`.
struct ClassificationInputs: Decodable {
    let items: [EncodingInput]
    let isSingle: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let field = decoder.codingPath.last?.wireName ?? "inputs"
        func item(_ texts: [String]) throws -> EncodingInput {
            switch texts.count {
            case 1: return .text(texts[0])
            case 2: return .pair(texts[0], texts[1])
            default:
                throw FieldError(
                    field: field, reason: "expected one text or a pair, got \(texts.count) texts")
            }
        }
        if let text = try? container.decode(String.self) {
            items = [.text(text)]
            isSingle = true
        } else if let pair = try? container.decode(NamedPair.self) {
            items = [pair.input]
            isSingle = true
        } else if let pairs = try? container.decode([NamedPair].self), !pairs.isEmpty {
            items = pairs.map(\.input)
            isSingle = false
        } else if let texts = try container.strings() {
            items = [try item(texts)]
            isSingle = true
        } else if let lists = try? container.decode([[String]].self) {
            items = try lists.map(item)
            isSingle = false
        } else {
            throw FieldError(
                field: field,
                reason: "expected a string, a pair of strings, or a list of such lists")
        }
    }

    private struct NamedPair: Decodable {
        let text: String
        let textPair: String?

        var input: EncodingInput { textPair.map { .pair(text, $0) } ?? .text(text) }
    }
}

/// Which end of a long text is cut away; upper and lower case are both in use by clients.
struct TruncationDirection: Decodable {
    let side: TruncationSide

    init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        switch name.lowercased() {
        case "right": side = .right
        case "left": side = .left
        default:
            throw FieldError(
                field: decoder.codingPath.last?.wireName ?? "truncation_direction",
                reason: "expected \"right\" or \"left\", got \"\(name)\"")
        }
    }
}
