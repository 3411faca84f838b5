import BiGSModel
package import DocumentStore

/// A search in a caller's terms: what is not a vector yet is encoded first.
package struct DocumentSearch: Sendable {
    /// What is asked.
    package enum Question: Sendable {
        /// The nearest in meaning to this text.
        case meaning(String)
        /// The nearest to this vector.
        case vector([Float])
        /// The best for these words.
        case words(String)
        /// Words and meaning of one text.
        case both(String)
        /// Words of a text, and a vector.
        case bothWith(String, [Float])
        /// The nearest to a kept document.
        case like(String)
    }

    /// The most hits of one search.
    package static let maximumHits = 1_000

    /// What is said of documents that a model's searches by meaning do not find.
    /// - Parameter documents: which they are, with their verb: "all documents have".
    package static func ofOtherModels(_ documents: String) -> String {
        "\(documents) vectors of other models only, so that searches by meaning do not find them; "
            + "bigs store reencode makes those of the model that it is run with"
    }

    /// What is asked.
    package var question: Question
    /// How a question that has to be encoded is read.
    package var rules = EncodingRules()
    /// How words and meaning are joined where both are asked for.
    package var fusion: SearchRequest.Fusion = .usual
    /// How many hits at most; 1 or more.
    package var topK: Int
    /// Only documents whose metadata pass; nil is all.
    package var filter: MetadataFilter?
    /// What is ranked.
    package var scope: SearchRequest.Scope = .documents
    /// What is read of each hit's document.
    package var parts: DocumentParts = [.metadata]

    fileprivate var ranksPassages: Bool {
        if case .passages = scope { true } else { false }
    }

    /// A search by the defaults.
    package init(question: Question, topK: Int = 10) {
        self.question = question
        self.topK = topK
    }

    /// The answer.
    package struct Answer: Sendable {
        /// Best first.
        package let hits: [SearchHit]
        /// What the question's own vector took, if it had to be encoded.
        package let encoded: EncodingResult?
        /// Whether the query has more words than are looked for.
        package let leavesOutWords: Bool
        /// Whether nothing can be found by meaning: all documents have vectors of other models only.
        package let areAllOfOthers: Bool

        /// Whether passages were looked for, of any document, and there was none.
        package let foundNoPassage: Bool

        /// What was left out, in words; nil where nothing was.
        package var warning: String? {
            if leavesOutWords { return Self.leftOutWords }
            if areAllOfOthers { return DocumentSearch.ofOtherModels("all documents have") }
            return foundNoPassage ? Self.noPassage : nil
        }

        /// What is said of words that are not looked for.
        package static let leftOutWords = "the query has more words than are looked for"
        /// What is said where no document has passages.
        package static let noPassage =
            "no passage was found; a document has those that it was put with as its chunk"
    }
}

extension DocumentService {
    /// The best documents or passages for a question.
    package func search(
        _ search: DocumentSearch
    ) async throws(DocumentError) -> DocumentSearch.Answer {
        var encoded: EncodingResult?
        func vector(_ text: String) async throws(DocumentError) -> [Float] {
            do throws(ServiceError) {
                let result = try await encoding.embed([.text(text)], rules: search.rules)
                encoded = result
                return result.vectors[0]
            } catch {
                guard case .textTooLong(_, let tokens, let limit) = error else {
                    throw .encoding(error)
                }
                throw .encoding(
                    .unsupported(
                        field: "query",
                        reason: "has "
                            + ServiceError.tooLong(tokens, limit, truncate: "truncate: true")))
            }
        }
        let query: SearchRequest.Query
        switch search.question {
        case .meaning(let text): query = .vector(try await vector(text))
        case .vector(let vector): query = .vector(try checked(vector))
        case .words(let text): query = .text(text)
        case .both(let text): query = .hybrid(text: text, vector: try await vector(text))
        case .bothWith(let text, let vector):
            query = .hybrid(text: text, vector: try checked(vector))
        case .like(let id): query = .like(id: id)
        }
        let request = SearchRequest(
            query: query, model: fingerprint, fusion: search.fusion, topK: search.topK,
            filter: search.filter, scope: search.scope, parts: search.parts)
        let hits = try await inStore { store throws(StoreError) in
            try await store.search(request)
        }
        return DocumentSearch.Answer(
            hits: hits, encoded: encoded, leavesOutWords: request.leavesOutWords,
            areAllOfOthers: try await areAllOfOthers(request, hits),
            foundNoPassage: search.ranksPassages && search.filter == nil && hits.isEmpty)
    }

    private func areAllOfOthers(
        _ request: SearchRequest, _ hits: [SearchHit]
    ) async throws(DocumentError) -> Bool {
        if case .text = request.query { return false }
        guard hits.allSatisfy({ $0.byVector == nil }) else { return false }
        return try await inStore { store throws(StoreError) in
            try await store.hasOnlyDocumentsOfOthers(than: fingerprint)
        }
    }

    private func checked(_ vector: [Float]) throws(DocumentError) -> [Float] {
        let size = encoding.loaded.configuration.hiddenSize
        guard vector.count == size else {
            throw .store(
                .invalid(
                    field: "embedding",
                    reason: "has \(vector.count) numbers; this model's vectors have \(size)"))
        }
        // No angle is defined to it: every document would be as near as any other.
        guard vector.contains(where: { $0 != 0 }) else {
            throw .store(.invalid(field: "embedding", reason: "has the length 0"))
        }
        return vector
    }
}
