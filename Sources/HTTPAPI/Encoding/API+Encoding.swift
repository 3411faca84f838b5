import BiGSModel
import HTTPServer
import HTTPTypes
import Serving
import Tokenization

extension API {
    /// `POST /embed`: text-embeddings-inference's route. With `embedding_types` the answer is
    /// Cohere's: vectors in every form that was asked for, by the form's name.
    func embed(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: Inputs
            let embeddingTypes: [EmbeddingTypeName]?
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let service = try service(request, body.options.model)
        let inputs = body.value.inputs.items
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        try checkPooling(body.options, service)
        let finish = try finish(body.options, service)
        let rules = rules(body.options, request)
        let type = try body.options.embeddingType?.plain() ?? .float
        let types = try body.value.embeddingTypes.map { names throws(APIError) in
            try names.map { name throws(APIError) in try name.plain(field: "embedding_types") }
        }
        if types?.isEmpty == true {
            throw .validation(field: "embedding_types", "cannot be empty")
        }
        let result = try await encode(names) { () async throws(ServiceError) in
            try await service.embed(inputs, rules: rules)
        }
        let name = service.loaded.name
        let writer = await JSONWriter.long(bytes: result.answerBytes) { writer in
            func vectors(_ type: EmbeddingType, _ writer: inout JSONWriter) {
                writer.array { writer in
                    for vector in result.vectors { writer.vector(finish.apply(vector), as: type) }
                }
            }
            guard let types else {
                vectors(type, &writer)
                return
            }
            writer.object { writer in
                writer.key("embeddings")
                writer.object { writer in
                    for type in EmbeddingType.allCases where types.contains(type) {
                        writer.key(type.rawValue)
                        vectors(type, &writer)
                    }
                }
                writer.key("model")
                writer.string(name)
                writer.openAIUsage(result.usage)
            }
        }
        return response(writer, result, inputs)
    }

    /// `POST /predict`: text-embeddings-inference's classification route.
    func predict(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: ClassificationInputs
            let head: String?
            let evidence: EvidenceField?
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let service = try service(request, body.options.model)
        let inputs = body.value.inputs.items
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        let top = try top(body.options)
        let head = body.value.head ?? request.query["head"]
        // The head by itself takes pairs, too, and what it says is kept.
        if head != nil || body.value.evidence?.granularity != nil {
            return try await predict(
                head: head, body.value.inputs, evidence: body.value.evidence, body.options,
                request, service: service)
        }
        let rules = rules(body.options, request)
        let result = try await encode(names) { () async throws(ServiceError) in
            try await service.classify(inputs, rules: rules)
        }
        let classification = Classification(service.loaded)
        let lists = result.vectors.map {
            classification.ranked($0, by: body.options.function, top: top)
        }
        var writer = JSONWriter()
        if body.value.inputs.isSingle {
            writer.labels(lists[0])
        } else {
            writer.array { writer in
                for list in lists { writer.labels(list) }
            }
        }
        return response(writer, result, inputs)
    }

    /// Notes for the metrics that a body was readable, and what was in it.
    func received(_ inputs: [EncodingInput], isSingle: Bool) {
        RequestContext.current?.record.received(inputs: inputs.count, isSingle: isSingle)
    }

    /// Notes the texts of a field and checks them; what errors call them.
    /// - Parameter limit: how many there may be; nil is as the settings say.
    func accept(
        _ inputs: [EncodingInput], _ field: String, isSingle: Bool, limit: Int? = nil
    ) throws(APIError) -> InputNames {
        let names = InputNames(field, isSingle: isSingle)
        received(inputs, isSingle: isSingle)
        try check(inputs, names, limit: limit ?? settings.maximumClientBatchSize)
        return names
    }

    /// Runs the service, turning its errors into the API's.
    func encode<Result>(
        _ names: InputNames, _ work: () async throws(ServiceError) -> Result
    ) async throws(APIError) -> Result {
        do { return try await work() } catch { throw .service(error, names) }
    }

    /// Refuses lists that are empty or too long, and empty texts.
    func check(_ inputs: [EncodingInput], _ names: InputNames, limit: Int) throws(APIError) {
        if inputs.isEmpty { throw .validation(field: names.field, "cannot be empty") }
        if inputs.count > limit {
            throw .tooMany(field: names.field, count: inputs.count, limit: limit)
        }
        for (index, input) in inputs.enumerated() {
            let isEmpty =
                switch input {
                case .text(let text): text.isEmpty
                case .pair: false
                case .tokens(let ids): ids.isEmpty
                }
            if isEmpty { throw .validation(field: names[index], "cannot be empty") }
        }
    }

    /// The answer with the headers that say what was done.
    func response(
        _ writer: JSONWriter, _ result: EncodingResult, _ inputs: [EncodingInput]
    ) -> ServerResponse {
        var response = ServerResponse.json(writer)
        tell(result, inputs, &response.headers)
        return response
    }

    /// Says in headers, and to the metrics, what was done.
    func tell(_ result: EncodingResult, _ inputs: [EncodingInput], _ headers: inout HTTPFields) {
        RequestContext.current?.record.encoded(result)
        let usage = result.usage
        let characters = inputs.reduce(0) { total, input in
            switch input {
            case .text(let text): total + text.unicodeScalars.count
            case .pair(let first, let second):
                total + first.unicodeScalars.count + second.unicodeScalars.count
            case .tokens: total
            }
        }
        headers[.cacheOutcome] = result.cache.rawValue
        if result.cache == .hit, let age = result.age { headers[.age] = String(age) }
        headers[.computeTokens] = String(usage.reduce(0) { $0 + $1.tokensUsed })
        headers[.inputTokens] = String(usage.reduce(0) { $0 + $1.tokens })
        headers[.truncatedInputs] = String(usage.count(where: \.isTruncated))
        headers[.computeCharacters] = String(characters)
        headers[.tokenizationTime] = String(result.timings.tokenization.microseconds)
        headers[.queueTime] = String(result.timings.queue.microseconds)
        headers[.inferenceTime] = String(result.timings.inference.microseconds)
    }
}

extension EncodingResult {
    /// About how many bytes its vectors take in an answer: a number has some ten digits.
    var answerBytes: Int { vectors.reduce(0) { $0 + 12 * $1.count } }
}
