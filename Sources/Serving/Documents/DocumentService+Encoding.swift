import DocumentStore
import Tokenization

/// Encoding what is to be kept.
extension DocumentService {
    /// The encoding of each document, or why there is none. One that fails does not touch the others.
    func encode(
        _ indices: [Int], _ documents: [NewDocument]
    ) async -> [(Int, Result<DocumentEncoding, ServiceError>)] {
        var results: [(Int, Result<DocumentEncoding, ServiceError>)] = []
        var rest = indices
        while let first = rest.first {
            // Documents of equal rules share a pass.
            let rules = documents[first].rules
            let needsStates = needsStates(documents[first])
            var group = rest.filter {
                documents[$0].rules == rules && self.needsStates(documents[$0]) == needsStates
            }
            let members = Set(group)
            rest.removeAll(where: members.contains)
            while !group.isEmpty {
                do throws(ServiceError) {
                    let encodings = try await encode(
                        group.map { documents[$0] }, rules, withStates: needsStates)
                    results += zip(group, encodings).map { ($0, .success($1)) }
                    group = []
                } catch {
                    guard let bad = error.input, group.indices.contains(bad) else {
                        results += group.map { ($0, .failure(error)) }
                        break
                    }
                    results.append((group.remove(at: bad), .failure(error)))
                }
            }
        }
        return results
    }

    private func needsStates(_ document: NewDocument) -> Bool {
        !document.granularities.isEmpty || states(of: document) != nil
    }

    /// The encodings of documents of equal rules; throws for the first that has none.
    private func encode(
        _ documents: [NewDocument], _ rules: EncodingRules, withStates: Bool
    ) async throws(ServiceError) -> [DocumentEncoding] {
        guard withStates else {
            var rules = rules
            // What is kept as a document needs no place in the cache.
            rules.cache.mayKeep = false
            let result = try await encoding.embed(
                documents.map { .text($0.text) }, rules: rules)
            return zip(result.vectors, result.usage).map { vector, usage in
                DocumentEncoding(
                    tokens: usage.tokens, tokensUsed: usage.tokensUsed, vector: vector)
            }
        }
        let wholes = try await encoding.whole(documents.map(\.text), rules: rules)
        var encodings: [DocumentEncoding] = []
        for (index, (document, whole)) in zip(documents, wholes).enumerated() {
            encodings.append(
                DocumentEncoding(
                    tokens: whole.usage.tokens, tokensUsed: whole.usage.tokensUsed,
                    vector: whole.vector,
                    passages: try passages(
                        document.granularities, of: document.text, whole.states, input: index),
                    states: states(of: document).map { format in
                        TokenStates(
                            whole.states.values, columns: whole.states.columns,
                            offsets: whole.states.offsets, format: format)
                    }))
        }
        return encodings
    }

    /// The vectors of a text's passages; those that no used token lies in have none.
    func passages(
        _ granularities: [Granularity], of text: String, _ states: TextStates, input: Int
    ) throws(ServiceError) -> [Passage] {
        var passages: [Passage] = []
        for granularity in granularities {
            for (range, vector) in states.passages(granularity, of: text) {
                guard vector.allSatisfy(\.isFinite) else { throw .notFinite(input: input) }
                passages.append(
                    Passage(
                        granularity: granularity.name, start: range.lowerBound,
                        end: range.upperBound, vector: vector))
            }
        }
        return passages
    }

    /// The token states of a kept document: as they are kept, or, where they are not, from its text.
    ///
    /// - Returns: nil usage when nothing had to be encoded.
    func states(
        ofDocument id: String, rules: EncodingRules
    ) async throws(DocumentError) -> (text: String, states: TextStates, usage: TokenUsage?) {
        let document = try await document(id, parts: [.text, .states])
        guard let text = document.text else { throw .notFound(id: id) }
        if let kept = document.encoding, kept.fingerprint == encoding.loaded.fingerprint,
            let states = kept.states
        {
            return (
                text,
                TextStates(
                    values: states.floats(), columns: states.columns, offsets: states.offsets), nil
            )
        }
        do throws(ServiceError) {
            let whole = try await encoding.whole([text], rules: rules)[0]
            return (text, whole.states, whole.usage)
        } catch {
            throw .encoding(error)
        }
    }
}

/// The states of a text's tokens, and where each lies in the text.
package struct TextStates: Sendable {
    /// [rows, columns].
    package let values: [Float]
    package let columns: Int
    /// In Unicode scalars; empty for special tokens.
    package let offsets: [Range<Int>]

    package init(values: [Float], columns: Int, offsets: [Range<Int>]) {
        precondition(values.count == columns * offsets.count)
        self.values = values
        self.columns = columns
        self.offsets = offsets
    }

    /// The passages of a text that have tokens, with the means of their states, as ``LateChunking``
    /// has them.
    func passages(
        _ granularity: Granularity, of text: String
    ) -> [(range: Range<Int>, vector: [Float])] {
        LateChunking.passages(
            granularity.spans(of: text, tokens: offsets), states: values, offsets: offsets,
            hiddenSize: columns
        ).compactMap { passage in passage.vector.map { (passage.range, $0) } }
    }
}
