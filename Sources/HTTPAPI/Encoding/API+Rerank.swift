import BiGSModel
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// The most documents in Cohere's form, as at Cohere.
    static let maximumRankedDocuments = 1_000

    /// `POST /rerank`, `/v1/rerank`, `/v2/rerank`: text-embeddings-inference's form with `texts`, Cohere's
    /// and Jina's with `documents`. The header `x-scoring` says whether a cross-encoder or a cosine
    /// judged.
    func rerank(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<RerankBody>.self, request)
        let service = try service(request, body.options.model)
        let isCohere = body.value.documents != nil
        let texts = body.value.documents?.map(\.text) ?? body.value.texts ?? []
        let field = isCohere ? "documents" : "texts"
        received(texts.map(EncodingInput.text), isSingle: false)
        let names = InputNames(field)
        let query = body.value.query
        // A cross-encoder reads pairs, of which one side may be empty.
        let isPaired = service.loaded.isCrossEncoder
        try check(
            texts.map { isPaired && !query.isEmpty ? .pair(query, $0) : .text($0) }, names,
            limit: isCohere ? Self.maximumRankedDocuments : settings.maximumClientBatchSize)
        if query.isEmpty, !isPaired { throw .validation(field: "query", "cannot be empty") }
        if let top = body.value.topN, top < 1 {
            throw .validation(field: "top_n", "expected 1 or more, got \(top)")
        }
        let rules = rules(body.options, request)
        let (scores, result, method) = try await relevance(
            query, texts, names, raw: body.options.wantsRaw(), service, rules)
        let order = scores.fallingOrder.prefix(body.value.topN ?? scores.count)
        var writer = JSONWriter()
        if isCohere {
            writeCohere(
                &writer, order.map { ($0, scores[$0]) }, result,
                // Without a cross-encoder the query is a text of its own, before the others.
                usage: Array(result.usage.suffix(texts.count)),
                documents: body.value.returnDocuments ? body.value.documents : nil,
                service)
        } else {
            writer.array { writer in
                for index in order {
                    writer.object { writer in
                        writer.key("index")
                        writer.number(index)
                        writer.key("score")
                        writer.number(scores[index])
                        if body.value.returnText ?? false {
                            writer.key("text")
                            writer.string(texts[index])
                        }
                    }
                }
            }
        }
        var response = response(
            writer, result, [.text(query)] + texts.map(EncodingInput.text))
        response.headers[.scoring] = method.rawValue
        return response
    }

    private func writeCohere(
        _ writer: inout JSONWriter, _ order: [(Int, Float)], _ result: EncodingResult,
        usage: [TokenUsage], documents: [RerankBody.Document]?, _ service: EncodingService
    ) {
        writer.object { writer in
            writer.key("id")
            writer.string(RequestContext.current?.requestID ?? "")
            writer.key("model")
            writer.string(service.loaded.name)
            writer.key("results")
            writer.array { writer in
                for (index, score) in order {
                    writer.object { writer in
                        writer.key("index")
                        writer.number(index)
                        writer.key("relevance_score")
                        writer.number(score)
                        writer.tokens(usage[index])
                        if let documents {
                            writer.key("document")
                            if let object = documents[index].object {
                                writer.verbatim(object)
                            } else {
                                writer.object { writer in
                                    writer.key("text")
                                    writer.string(documents[index].text)
                                }
                            }
                        }
                    }
                }
            }
            writer.openAIUsage(result.usage)
        }
    }

    /// How well each text answers the query.
    private func relevance(
        _ query: String, _ texts: [String], _ names: InputNames, raw: Bool,
        _ service: EncodingService, _ rules: EncodingRules
    ) async throws(APIError) -> ([Float], EncodingResult, ScoringMethod) {
        let loaded = service.loaded
        if loaded.isCrossEncoder {
            let result = try await encode(names) { () async throws(ServiceError) in
                try await service.classify(
                    texts.map { .pair(query, $0) }, rules: rules)
            }
            let scores = result.vectors.map { raw ? $0[0] : Probabilities.sigmoid($0[0]) }
            return (scores, result, .crossEncoder)
        }
        // Models that were trained with a prompt for each side say so by these names.
        var queryRules = rules
        var textRules = rules
        if rules.promptName == nil {
            func first(_ names: [String]) -> String? {
                names.first { loaded.prompts.byName[$0] != nil }
            }
            queryRules.promptName = first(["query"])
            textRules.promptName = first(["document", "passage", "corpus"])
        }
        let asked = try await encode(InputNames("query", isSingle: true)) {
            [queryRules] () async throws(ServiceError) in
            try await service.embed([.text(query)], rules: queryRules)
        }
        var result = try await encode(names) { [textRules] () async throws(ServiceError) in
            try await service.embed(texts.map(EncodingInput.text), rules: textRules)
        }
        let scores = result.vectors.map { Similarity.cosine(asked.vectors[0], $0) }
        result.count(asked)
        return (scores, result, .cosine)
    }

    /// `POST /similarity`: the cosine of one sentence with each of several.
    func similarity(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            struct Sentences: Decodable {
                let sourceSentence: String
                let sentences: [String]
            }
            let inputs: Sentences
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let service = try service(request, body.options.model)
        let sentences = body.value.inputs.sentences.map(EncodingInput.text)
        let source = EncodingInput.text(body.value.inputs.sourceSentence)
        received(sentences, isSingle: false)
        let names = InputNames("inputs.sentences")
        try check(sentences, names, limit: settings.maximumClientBatchSize)
        if body.value.inputs.sourceSentence.isEmpty {
            throw .validation(field: "inputs.source_sentence", "cannot be empty")
        }
        let rules = rules(body.options, request)
        let all = InputNames("inputs") { $0 == 0 ? "inputs.source_sentence" : names[$0 - 1] }
        let result = try await encode(all) { () async throws(ServiceError) in
            try await service.embed([source] + sentences, rules: rules)
        }
        var writer = JSONWriter()
        writer.numbers(
            result.vectors.dropFirst().map { Similarity.cosine(result.vectors[0], $0) })
        return response(writer, result, [source] + sentences)
    }
}

/// The body of the `rerank` routes.
struct RerankBody: Decodable {
    let query: String
    /// Text-embeddings-inference's form.
    let texts: [String]?
    /// Cohere's and Jina's form: texts, or objects with a field `text`, or with those of `rank_fields`.
    let documents: [Document]?
    let returnText: Bool?
    let topN: Int?
    let returnDocuments: Bool

    private enum CodingKeys: String, CodingKey {
        case query, texts, documents, rankFields, returnText, topN, returnDocuments
    }

    /// What is ranked, and what it was an object's field of.
    struct Document: Sendable {
        let text: String
        /// The object as it came, with all its fields.
        var object: String?
    }

    /// A text, an object that has it, or such an object's member.
    private struct Entry: Decodable {
        private let decoder: any Decoder

        init(from decoder: any Decoder) { self.decoder = decoder }

        /// - Parameters:
        ///   - names: the fields that are ranked, one after the other, as far as they are there.
        ///   - isKept: whether the object is answered.
        func document(_ names: [String], isKept: Bool) throws -> Document {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) { return Document(text: text) }
            // The names of a dictionary are data, and come as they were written.
            let members = try container.decode([String: Entry].self)
            let parts = try names.compactMap { members[$0] }
                .map { try $0.decoder.singleValueContainer().decode(String.self) }
            if parts.isEmpty {
                throw DecodingError.keyNotFound(
                    MemberName(names[0]),
                    .init(codingPath: decoder.codingPath, debugDescription: "is missing"))
            }
            let object = isKept ? (decoder as? JSONBodyDecoder)?.text : nil
            return Document(text: parts.joined(separator: "\n"), object: object)
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        query = try container.decode(String.self, forKey: .query)
        texts = try container.decodeIfPresent([String].self, forKey: .texts)
        let names = try container.decodeIfPresent([String].self, forKey: .rankFields) ?? ["text"]
        if names.isEmpty { throw FieldError(field: "rank_fields", reason: "cannot be empty") }
        returnText = try container.decodeIfPresent(Bool.self, forKey: .returnText)
        topN = try container.decodeIfPresent(Int.self, forKey: .topN)
        let returns = try container.decodeIfPresent(Bool.self, forKey: .returnDocuments) ?? false
        returnDocuments = returns
        if let list = try? container.nestedUnkeyedContainer(forKey: .documents),
            let count = list.count, count > API.maximumRankedDocuments
        {
            throw APIError.tooMany(
                field: "documents", count: count, limit: API.maximumRankedDocuments)
        }
        documents = try container.decodeIfPresent([Entry].self, forKey: .documents)?
            .map { try $0.document(names, isKept: returns) }
        if texts == nil, documents == nil {
            throw FieldError(field: "texts", reason: "is missing (or documents)")
        }
        if texts != nil, documents != nil {
            throw FieldError(field: "documents", reason: "cannot stand beside texts")
        }
    }
}
