import DocumentStore
import Serving
import Tokenization

/// An id in JSON: a string, or a whole number that stands for its digits.
struct DocumentID: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            text = String(number)
        } else {
            text = try container.decode(String.self)
        }
    }
}

/// A document as a request brings it. A field that is not one of a document's is refused: what is
/// misspelt, or belongs into the metadata, would be lost in silence.
struct DocumentBody: Decodable {
    let id: DocumentID?
    let text: String
    let metadata: [String: MetadataValue]?
    let chunk: ChunkField?
    let keepStates: String?
    let reading: ReadingOptions
    /// How many bytes of JSON it has.
    let size: Int
    /// The model that encodes it. In an import, which has one for all its lines, it may stand as an
    /// export has it: the fingerprint of the vectors beside it.
    let model: String?
    /// A member that an answer has and a document cannot bring: its vectors are the model's to make.
    let broughtVectors: String?

    /// The id that no document can be read by.
    private static let exportID = "export"

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case id, text, metadata, chunk, keepStates, model
    }

    /// What an answer has beside these.
    private enum AnsweredKeys: String, CodingKey, CaseIterable {
        case textSha256, createdAt, updatedAt, tokens, tokensUsed, truncated, encodedAt, hasStates
        case embedding, passages

        /// Vectors: the model's to make.
        static let vectors: [AnsweredKeys] = [.embedding, .passages]
    }

    /// Members of an answer that a document may bring along and that say nothing then.
    static let answered = AnsweredKeys.allCases.filter { !AnsweredKeys.vectors.contains($0) }
        .map(\.wireName)

    init(from decoder: any Decoder) throws {
        let known: [any CodingKey] =
            CodingKeys.allCases + ReadingOptions.keys + AnsweredKeys.allCases
        try ClosedBody.check(decoder, known, of: "a document (metadata takes any)")
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decodeIfPresent(DocumentID.self, forKey: .id)
        text = try container.decode(String.self, forKey: .text)
        metadata = try container.decodeIfPresent([String: MetadataValue].self, forKey: .metadata)
        chunk = try container.decodeIfPresent(ChunkField.self, forKey: .chunk)
        keepStates = try container.decodeIfPresent(String.self, forKey: .keepStates)
        model = try container.decodeIfPresent(String.self, forKey: .model)
        let answered = try decoder.container(keyedBy: AnsweredKeys.self)
        broughtVectors =
            try AnsweredKeys.vectors.first {
                try answered.contains($0) && !answered.decodeNil(forKey: $0)
            }?.wireName
        reading = try ReadingOptions(decoder, inParameters: false)
        size = (decoder as? JSONBodyDecoder)?.size ?? text.utf8.count
    }

    /// What the service is to keep. `id` overrides the body's, which must then be absent or equal.
    /// - Parameter isExported: whether it may be a line of an export, with vectors that are made anew.
    func draft(
        id given: String? = nil, field: String = "", isExported: Bool = false,
        settings: APISettings, cache: CachePolicy
    ) throws(APIError) -> NewDocument {
        func name(_ member: String) -> String { field.isEmpty ? member : "\(field).\(member)" }
        if let broughtVectors, !isExported {
            throw .validation(
                field: name(broughtVectors),
                "is the model's to make; a document brings its text and metadata")
        }
        if let given, let id, !id.text.utf8.elementsEqual(given.utf8) {
            throw .validation(
                field: name("id"), "is \"\(id.text.prefix(100))\", which is not the path's")
        }
        if (given ?? id?.text) == Self.exportID {
            throw .validation(
                field: name("id"),
                "cannot be \"\(Self.exportID)\": GET /documents/\(Self.exportID) is all documents")
        }
        if text.isEmpty { throw .validation(field: name("text"), "cannot be empty") }
        var document = NewDocument(id: given ?? id?.text, text: text)
        do throws(StoreError) {
            document.metadata = try metadata.map { members throws(StoreError) in
                try DocumentMetadata(members)
            }
        } catch {
            throw .validation(field: name("metadata"), error.reason)
        }
        document.rules = reading.rules(settings, cache: cache)
        document.granularities =
            try chunk?.granularities(of: text, field: name("chunk")) ?? []
        if let keepStates {
            switch keepStates {
            case "none": document.states = .some(nil)
            default:
                guard let format = TokenStates.Format(rawValue: keepStates) else {
                    throw .validation(
                        field: name("keep_states"),
                        "expected \"float16\", \"int8\" or \"none\", got \"\(keepStates.prefix(100))\""
                    )
                }
                document.states = .some(format)
            }
        }
        return document
    }
}

/// Which documents are to be deleted. A field that is not one of these is refused: a misspelt
/// condition must not delete more than was meant.
struct DeletionBody: Decodable {
    let ids: [DocumentID]?
    let filter: MetadataValue?
    let all: Bool?
    let model: String?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case ids, filter, all, model
    }

    init(from decoder: any Decoder) throws {
        try ClosedBody.check(decoder, CodingKeys.allCases, of: "a deletion")
        let container = try decoder.container(keyedBy: CodingKeys.self)
        ids = try container.decodeIfPresent([DocumentID].self, forKey: .ids)
        filter = try container.decodeIfPresent(MetadataValue.self, forKey: .filter)
        all = try container.decodeIfPresent(Bool.self, forKey: .all)
        model = try container.decodeIfPresent(String.self, forKey: .model)
    }
}

extension StoreError {
    /// The reason without the field's name, which the caller knows better.
    var reason: String {
        if case .invalid(_, let reason) = self { return reason }
        return description
    }
}
