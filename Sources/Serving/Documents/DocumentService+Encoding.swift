import DocumentStore

/// Encoding what is to be kept.
extension DocumentService {
    /// An encoding that is to be kept, and whether it was found in the cache.
    struct MadeEncoding {
        let encoding: DocumentEncoding
        let isFound: Bool
    }

    /// The encoding of each document, or why there is none. One that fails does not touch the others.
    func encode(
        _ indices: [Int], _ documents: [NewDocument], _ timings: inout EncodingResult.Timings
    ) async -> [(Int, Result<MadeEncoding, ServiceError>)] {
        var results: [(Int, Result<MadeEncoding, ServiceError>)] = []
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
                        group.map { documents[$0] }, rules, withStates: needsStates, &timings)
                    results += zip(group, encodings).map { ($0, .success($1)) }
                    group = []
                } catch {
                    if case .unsupported = error, group.count > 1 {
                        // It may be one text's: windows that are too many, states that are.
                        for index in group {
                            let alone = await encode([index], documents, &timings)
                            results += alone
                        }
                        break
                    }
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
        _ documents: [NewDocument], _ rules: EncodingRules, withStates: Bool,
        _ timings: inout EncodingResult.Timings
    ) async throws(ServiceError) -> [MadeEncoding] {
        guard withStates else {
            var rules = rules
            // What is kept as a document needs no place in the cache.
            rules.cache.mayKeep = false
            let result = try await encoding.embed(
                documents.map { .text($0.text) }, rules: rules)
            timings += result.timings
            return result.vectors.indices.map { index in
                let usage = result.usage[index]
                return MadeEncoding(
                    encoding: DocumentEncoding(
                        tokens: usage.tokens, tokensUsed: usage.tokensUsed,
                        vector: result.vectors[index]),
                    isFound: result.found[index])
            }
        }
        for document in documents {
            _ = try encoding.pooling(nil, for: document.granularities, field: "chunk")
        }
        let encoded = try await encoding.encodeStates(
            documents.map { .text($0.text) }, rules: rules)
        timings += encoded.timings
        var made: [MadeEncoding] = []
        for (index, (document, text)) in zip(documents, encoded.texts).enumerated() {
            made.append(
                MadeEncoding(
                    encoding: DocumentEncoding(
                        tokens: text.usage.tokens, tokensUsed: text.usage.tokensUsed,
                        vector: text.pooled,
                        passages: try await passages(of: document, text, input: index),
                        states: states(of: document).map { format in
                            TokenStates(
                                text.states, columns: text.hiddenSize, offsets: text.offsets,
                                format: format)
                        }), isFound: false))
        }
        return made
    }

    /// A text's passages; those that no used token lies in have no vector to be kept.
    private func passages(
        of document: NewDocument, _ text: EncodedText, input: Int
    ) async throws(ServiceError) -> [Passage] {
        var allowance = PassageAllowance(field: "chunk")
        return try await encoding.passages(
            of: text.textStates, whole: text.pooled, text: document.text, document.granularities,
            pooling: encoding.loaded.pooling, within: &allowance, input: input
        ).compactMap { granularity, passage in
            passage.vector.map { vector in
                Passage(
                    granularity: granularity.name, start: passage.range.lowerBound,
                    end: passage.range.upperBound, vector: vector)
            }
        }
    }
}
