import DocumentStore
import HTTPServer
import HTTPTypes
import Serving

/// The `passages` of a search: true for all granularities, or the name of one.
private struct PassagesField: Decodable {
    /// Nil for false.
    let scope: SearchRequest.Scope?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            scope = flag ? .passages(granularity: nil) : nil
        } else if let name = try? container.decode(String.self) {
            guard PassageCut.names.contains(name) else {
                throw FieldError(field: "passages", reason: PassageCut.refusal(of: name))
            }
            scope = .passages(granularity: name)
        } else {
            throw FieldError(
                field: "passages", reason: "expected true, false or a granularity's name")
        }
    }
}

/// What to look for. A field that is none of a search's is refused: by a misspelt filter everything would
/// be found.
private struct SearchBody: Decodable {
    let query: String?
    let embedding: [Float]?
    let like: DocumentID?
    let mode: String?
    let fusion: String?
    let rankConstant: Int?
    let alpha: Double?
    let filter: MetadataValue?
    let passages: PassagesField?
    let passageWeight: Double?
    let include: [String]?
    let explain: Bool?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case query, embedding, like, mode, fusion, rankConstant, alpha, topK, filter, passages
        case passageWeight, include, explain
        // How the query is read: CommonOptions.
        case model, truncate, truncationDirection, long, windowOverlap, promptName, parameters

        /// What may stand in `parameters`, too.
        static let ofParameters: [CodingKeys] = [
            .topK, .model, .truncate, .truncationDirection, .long, .windowOverlap, .promptName,
        ]
    }

    init(from decoder: any Decoder) throws {
        try ClosedBody.check(decoder, CodingKeys.allCases, of: "a search")
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if try container.contains(.parameters) && !container.decodeNil(forKey: .parameters) {
            try ClosedBody.check(
                container.superDecoder(forKey: .parameters), CodingKeys.ofParameters,
                of: "a search's parameters")
        }
        func value<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
            try container.decodeIfPresent(Value.self, forKey: key)
        }
        query = try value(.query)
        embedding = try value(.embedding)
        like = try value(.like)
        mode = try value(.mode)
        fusion = try value(.fusion)
        rankConstant = try value(.rankConstant)
        alpha = try value(.alpha)
        filter = try value(.filter)
        passages = try value(.passages)
        passageWeight = try value(.passageWeight)
        include = try value(.include)
        explain = try value(.explain)
    }
}

extension API {
    /// `POST /documents/search`.
    func searchDocuments(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let whole = try await decode(WithOptions<SearchBody>.self, request)
        let body = whole.value
        let documents = try documents(request, model: whole.options.model)
        let topK = whole.options.topK ?? 10
        guard (1...DocumentSearch.maximumHits).contains(topK) else {
            throw .validation(
                field: "top_k", "expected 1 to \(DocumentSearch.maximumHits), got \(topK)")
        }
        let ranking = try Self.ranking(body)
        var search = DocumentSearch(question: try Self.question(body, ranking.mode), topK: topK)
        search.rules = rules(whole.options, request)
        do {
            (search.fusion, search.scope) = try ranking.checked()
        } catch {
            throw .validation(field: error.field, error.reason)
        }
        search.filter = try body.filter.map { value throws(APIError) in try Self.filter(value) }
        search.parts = try Self.parts(body.include ?? ["metadata"], field: "include")
        let answer: DocumentSearch.Answer
        do throws(DocumentError) {
            answer = try await documents.search(search)
        } catch .encoding(let reason) {
            throw .service(reason, InputNames("query", isSingle: true))
        } catch {
            throw .document(error)
        }
        let bytes = answer.hits.reduce(0) { $0 + $1.document.estimatedBytes }
        let writer = await JSONWriter.long(bytes: bytes) { writer in
            writer.object { writer in
                writer.key("results")
                writer.array { writer in
                    for hit in answer.hits {
                        writer.object {
                            Self.write(hit, explain: body.explain ?? false, &$0)
                        }
                    }
                }
                writer.key("model")
                writer.string(documents.modelFingerprint)
                if let warning = answer.warning {
                    writer.key("warning")
                    writer.string(warning)
                }
            }
        }
        var response = ServerResponse.json(writer)
        if let encoded = answer.encoded {
            tell(encoded, body.query.map { [.text($0)] } ?? [], &response.headers)
        }
        return response
    }

    private static func ranking(_ body: SearchBody) throws(APIError) -> SearchRanking {
        func choice<Choice: RawRepresentable & CaseIterable>(
            _ field: String, _ name: String?
        ) throws(APIError) -> Choice? where Choice.RawValue == String {
            guard let name else { return nil }
            if let choice = Choice(rawValue: name) { return choice }
            let names = Choice.allCases.map { "\"\($0.rawValue)\"" }
            throw .validation(
                field: field,
                "expected \(names.dropLast().joined(separator: ", ")) or \(names.last ?? ""), got "
                    + "\"\(name.prefix(100))\"")
        }
        var ranking = SearchRanking()
        ranking.mode = try choice("mode", body.mode) ?? .vector
        ranking.fusion = try choice("fusion", body.fusion)
        ranking.rankConstant = body.rankConstant
        ranking.alpha = body.alpha
        ranking.passages = body.passages?.scope
        ranking.passageWeight = body.passageWeight
        return ranking
    }

    private static func question(
        _ body: SearchBody, _ mode: SearchRanking.Mode
    ) throws(APIError) -> DocumentSearch.Question {
        if let query = body.query, query.isEmpty {
            throw .validation(field: "query", "cannot be empty")
        }
        switch (mode, body.query, body.embedding, body.like) {
        case (.vector, let query?, nil, nil): return .meaning(query)
        case (.vector, nil, let embedding?, nil): return .vector(embedding)
        case (.vector, nil, nil, let like?): return .like(like.text)
        case (.vector, nil, nil, nil): throw .validation(field: "query", "is missing")
        case (.text, let query?, nil, nil): return .words(query)
        case (.hybrid, let query?, nil, nil): return .both(query)
        case (.hybrid, let query?, let embedding?, nil): return .bothWith(query, embedding)
        case (.text, _, _, _), (.hybrid, _, _, _):
            throw .validation(
                field: "query",
                "mode \(mode.rawValue) looks for words, so it needs query"
                    + (mode == .hybrid ? ", alone or with embedding" : " alone"))
        case (.vector, _, _, _):
            let given = [
                body.query.map { _ in "query" }, body.embedding.map { _ in "embedding" },
                body.like.map { _ in "like" },
            ].compactMap { $0 }
            throw .validation(
                field: given[1],
                "expected one of query, embedding and like, got "
                    + given.joined(separator: " and "))
        }
    }

    private static func write(
        _ hit: SearchHit, explain: Bool, _ writer: inout JSONWriter
    ) {
        writer.key("score")
        writer.number(hit.score)
        if let passage = hit.passage {
            writer.key("passage")
            writer.object { writer in
                writer.place(
                    passage.start..<passage.end, of: passage.granularity, text: hit.passageText)
            }
        }
        writer.members(of: hit.document)
        guard explain else { return }
        writer.key("explain")
        writer.object { writer in
            for (name, placing) in [
                ("vector", hit.byVector), ("passage", hit.byPassage), ("text", hit.byText),
            ] {
                writer.key(name)
                guard let placing else {
                    writer.null()
                    continue
                }
                writer.object { writer in
                    writer.key("rank")
                    if let rank = placing.rank { writer.number(rank) } else { writer.null() }
                    writer.key("score")
                    writer.number(placing.score)
                }
            }
        }
    }
}
