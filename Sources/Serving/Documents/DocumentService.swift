package import DocumentStore
import Foundation
import Learning

/// Documents that stay: encodes what is new, keeps it, and answers from what is kept.
package struct DocumentService: Sendable {
    let encoding: EncodingService
    let store: EncodingStore
    let heads: HeadRegistry
    /// How token states are kept where a document does not say; nil keeps none.
    private let defaultStates: TokenStates.Format?

    /// A service over the model and the store of `encoding`.
    package init(
        encoding: EncodingService, defaultStates: TokenStates.Format? = nil, heads: HeadRegistry
    ) throws(DocumentError) {
        guard let store = encoding.store else {
            if let trouble = encoding.storeStatus.trouble { throw .storeUnavailable(trouble) }
            throw .noStore
        }
        self.encoding = encoding
        self.store = store
        self.heads = heads
        self.defaultStates = defaultStates
    }

    var fingerprint: [UInt8] { encoding.loaded.fingerprint }
    /// The model that encodes.
    package var model: LoadedModel { encoding.loaded }
    /// The fingerprint of the model that encodes, in hexadecimal.
    package var modelFingerprint: String { encoding.loaded.fingerprintText }

    /// Encodes at most about this many tokens before it commits what it has.
    private static let groupTokens = 32_768
    private static let groupDocuments = 64
    /// So many bytes of metadata take about as long to write as a token to encode.
    private static let metadataBytesOfToken = 32

    // MARK: Put

    /// Throws what can be said against a document before its text is read.
    package func check(_ document: NewDocument) throws(DocumentError) {
        // The hash that stands for a missing id is sound.
        if let id = document.id {
            do throws(StoreError) { try DocumentDraft(id: id, text: "").validate() } catch {
                throw .store(error)
            }
        }
        do throws(ServiceError) {
            _ = try encoding.prompt(named: document.rules.promptName, for: [])
            _ = try encoding.pooling(nil, for: document.granularities, field: "chunk")
        } catch {
            throw .encoding(error)
        }
    }

    /// Keeps documents, whose ids must differ: encodes those whose text, model or options are new.
    ///
    /// Each has a result of its own, in the order given; those that went well are on the disk when
    /// this returns, the others left nothing. What encoding took is added to `timings`.
    package func put(
        _ documents: [NewDocument], timings: inout EncodingResult.Timings
    ) async -> [Result<DocumentReceipt, DocumentError>] {
        var results: [Result<DocumentReceipt, DocumentError>?] = Array(
            repeating: nil, count: documents.count)
        var drafts: [Int: DocumentDraft] = [:]
        for (index, document) in documents.enumerated() {
            let draft = draft(document)
            do {
                try draft.validate()
                drafts[index] = draft
            } catch {
                results[index] = .failure(.store(error))
            }
        }
        let known = drafts.keys.sorted()
        var missing: [Int] = []
        var done: [Int] = []
        for group in groups(known, cost: { metadataCost(documents[$0]) }) {
            do throws(StoreError) {
                let outcomes = try await store.put(
                    group.compactMap { drafts[$0] }, model: fingerprint)
                for (index, outcome) in zip(group, outcomes) {
                    if let receipt = receipt(outcome, documents[index], nil, isEncoded: false) {
                        results[index] = .success(receipt)
                        done.append(index)
                    } else {
                        missing.append(index)
                    }
                }
            } catch {
                for index in group { results[index] = .failure(.store(error)) }
            }
        }
        await count(done, documents, &results)
        for group in groups(missing, documents) {
            for (index, result) in await encodeAndPut(group, documents, drafts, &timings) {
                results[index] = result
            }
        }
        return results.map { $0 ?? .failure(.encoding(.cancelled)) }
    }

    private func draft(_ document: NewDocument) -> DocumentDraft {
        DocumentDraft(
            id: document.effectiveID, text: document.text, metadata: document.metadata,
            options: options(of: document), acceptsTruncated: document.rules.truncate)
    }

    /// What `DocumentOptions` keeps of a document.
    func options(of document: NewDocument) -> String {
        DocumentOptions(
            document, states: states(of: document), prompts: encoding.loaded.prompts
        ).text
    }

    func states(of document: NewDocument) -> TokenStates.Format? {
        document.states ?? defaultStates
    }

    /// Adds to the receipts of documents that were there already how many tokens they have, where that
    /// can be read: they are kept, whatever comes of it.
    private func count(
        _ indices: [Int], _ documents: [NewDocument],
        _ results: inout [Result<DocumentReceipt, DocumentError>?]
    ) async {
        let kept = try? await store.documents(
            indices.map { documents[$0].effectiveID }, parts: [], model: fingerprint)
        guard let kept else { return }
        for (index, document) in zip(indices, kept) {
            guard let encoding = document?.encoding,
                case .success(var receipt) = results[index]
            else { continue }
            receipt.usage = TokenUsage(tokens: encoding.tokens, tokensUsed: encoding.tokensUsed)
            results[index] = .success(receipt)
        }
    }

    private func receipt(
        _ outcome: PutOutcome, _ document: NewDocument, _ usage: TokenUsage?, isEncoded: Bool
    ) -> DocumentReceipt? {
        let name: DocumentReceipt.Outcome
        switch outcome {
        case .created: name = .stored
        case .replaced, .metadataUpdated: name = .replaced
        case .unchanged: name = .unchanged
        case .needsEncoding: return nil
        }
        return DocumentReceipt(
            id: document.effectiveID, outcome: name, usage: usage, isEncoded: isEncoded)
    }

    /// Parts documents into groups whose numbers fit into memory together, and whose transactions let
    /// others write.
    func groups(_ indices: [Int], _ documents: [NewDocument]) -> [[Int]] {
        groups(indices) { index in
            // A token has at least one byte, mostly four or more; the window bounds what is cut.
            let whole = documents[index].text.utf8.count / 3 + 2
            var cost =
                documents[index].rules.windows == nil ? min(whole, encoding.loaded.window) : whole
            // A vector of a caller's span is as large as a token's state.
            for case .spans(let spans) in documents[index].granularities { cost += spans.count }
            return cost + metadataCost(documents[index])
        }
    }

    private func metadataCost(_ document: NewDocument) -> Int {
        (document.metadata?.json.utf8.count ?? 0) / Self.metadataBytesOfToken
    }

    /// Parts indices into groups of documents that cost about as much as so many tokens.
    private func groups(_ indices: [Int], cost: (Int) -> Int) -> [[Int]] {
        var groups: [[Int]] = []
        var tokens = 0
        for index in indices {
            let cost = cost(index)
            let isFull = (groups.last?.count ?? 0) >= Self.groupDocuments
            if groups.isEmpty || isFull || tokens + cost > Self.groupTokens {
                groups.append([])
                tokens = 0
            }
            groups[groups.count - 1].append(index)
            tokens += cost
        }
        return groups
    }

    private func encodeAndPut(
        _ indices: [Int], _ documents: [NewDocument], _ drafts: [Int: DocumentDraft],
        _ timings: inout EncodingResult.Timings
    ) async -> [Int: Result<DocumentReceipt, DocumentError>] {
        var results: [Int: Result<DocumentReceipt, DocumentError>] = [:]
        var encoded: [(index: Int, draft: DocumentDraft, isFound: Bool)] = []
        for (index, result) in await encode(indices, documents, &timings) {
            switch result {
            case .failure(let error): results[index] = .failure(.encoding(error))
            case .success(let made):
                guard var draft = drafts[index] else { continue }
                draft.encoding = made.encoding
                encoded.append((index, draft, made.isFound))
            }
        }
        encoded.sort { $0.index < $1.index }
        do throws(StoreError) {
            let outcomes = try await store.put(encoded.map(\.draft), model: fingerprint)
            for ((index, draft, isFound), outcome) in zip(encoded, outcomes) {
                let usage = draft.encoding.map {
                    TokenUsage(tokens: $0.tokens, tokensUsed: $0.tokensUsed)
                }
                results[index] = receipt(
                    outcome, documents[index], usage, isEncoded: !isFound
                ).map { .success($0) }
            }
        } catch {
            for (index, _, _) in encoded { results[index] = .failure(.store(error)) }
        }
        return results
    }

    // MARK: Get, list, delete

    /// The document of this id, with this model's encoding, or, where there is none, the newest.
    package func document(
        _ id: String, parts: DocumentParts
    ) async throws(DocumentError) -> StoredDocument {
        let found = try await inStore { store throws(StoreError) in
            try await store.document(id, parts: parts, model: fingerprint, orNewest: true)
        }
        guard let found else { throw .notFound(id: id) }
        return found
    }

    /// One page of a list, of each document with this model's encoding, or, where there is none, the
    /// newest.
    package func list(_ query: DocumentQuery) async throws(DocumentError) -> DocumentPage {
        var query = query
        query.model = fingerprint
        return try await inStore { [query] store throws(StoreError) in
            try await store.list(query)
        }
    }

    /// Deletes documents by their ids; how many there were.
    package func delete(ids: [String]) async throws(DocumentError) -> Int {
        try await inStore { store throws(StoreError) in try await store.delete(ids: ids) }
    }

    /// Deletes the documents that pass the filter; how many there were.
    package func delete(filter: MetadataFilter) async throws(DocumentError) -> Int {
        try await inStore { store throws(StoreError) in try await store.delete(where: filter) }
    }

    /// Counts what is kept.
    package func statistics() async throws(DocumentError) -> StoreStatistics {
        try await inStore { store throws(StoreError) in try await store.statistics() }
    }

    func inStore<Value: Sendable>(
        _ work: (EncodingStore) async throws(StoreError) -> Value
    ) async throws(DocumentError) -> Value {
        do { return try await work(store) } catch {
            if case .noSuchDocument(let id) = error { throw .notFound(id: id) }
            throw .store(error)
        }
    }
}
