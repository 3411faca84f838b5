import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// The most inputs OpenAI's API takes at once.
    static let maximumOpenAIInputs = 2_048

    /// `POST /v1/embeddings`.
    func openAIEmbeddings(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let input: Inputs
            let encodingFormat: String?
            /// Whom it is for: checked as the description says, and of no use here.
            let user: String?
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let service = try service(request, body.options.model)
        var isBase64: Bool
        switch body.value.encodingFormat {
        case nil, "float": isBase64 = false
        case "base64": isBase64 = true
        case .some(let format):
            throw .validation(
                field: "encoding_format",
                "expected \"float\" or \"base64\", got \"\(format.prefix(100))\"")
        }
        let inputs = body.value.input.items
        let names = try accept(
            inputs, "input", isSingle: body.value.input.isSingle, limit: Self.maximumOpenAIInputs)
        try checkPooling(body.options, service)
        let finish = try finish(body.options, service)
        let rules = rules(body.options, request)
        let type = body.options.embeddingType?.type ?? .float
        if body.options.embeddingType?.isBase64 == true { isBase64 = true }
        if isBase64, type != .float {
            throw .validation(
                field: "encoding_format", "base64 is of float32, not of \(type.rawValue)")
        }
        let result = try await encode(names) { () async throws(ServiceError) in
            try await service.embed(inputs, rules: rules)
        }
        let name = service.loaded.name
        let writer = await JSONWriter.long(bytes: result.answerBytes) { [isBase64] writer in
            writer.object { writer in
                writer.key("object")
                writer.string("list")
                writer.key("data")
                writer.array { writer in
                    for (index, vector) in result.vectors.enumerated() {
                        writer.object { writer in
                            writer.key("object")
                            writer.string("embedding")
                            writer.key("index")
                            writer.number(index)
                            writer.key("embedding")
                            let vector = finish.apply(vector)
                            if isBase64 {
                                writer.base64(vector)
                            } else {
                                writer.vector(vector, as: type)
                            }
                            writer.tokens(result.usage[index])
                        }
                    }
                }
                writer.key("model")
                writer.string(name)
                writer.openAIUsage(result.usage)
            }
        }
        return response(writer, result, inputs)
    }

    /// `GET /v1/models`; `/models`, where Infinity's clients also read how busy each one is.
    func models(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let registry = try readiness.registry()
        let names = registry.names
        let queued = request.path == "/models" ? registry.standard.queuedTexts : nil
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("object")
            writer.string("list")
            writer.key("data")
            writer.array { writer in
                for name in names { write(modelNamed: name, queued: queued, &writer) }
            }
        }
        return .json(writer)
    }

    /// `GET /v1/models/{id}`, which may have a slash that is not escaped.
    func model(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let parts = ["id", "owner", "name"].compactMap { request.parameters[$0] }
        let name = try service(named: parts.joined(separator: "/")).loaded.name
        var writer = JSONWriter()
        write(modelNamed: name, queued: nil, &writer)
        return .json(writer)
    }

    /// - Parameter queued: how many texts wait; one queue is all models'.
    private func write(modelNamed name: String, queued: Int?, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("id")
            writer.string(name)
            writer.key("object")
            writer.string("model")
            writer.key("created")
            writer.number(settings.started)
            writer.key("owned_by")
            writer.string("bigs")
            guard let queued else { return }
            writer.key("backend")
            writer.string("bigs")
            writer.key("stats")
            writer.object { writer in
                writer.key("queue_absolute")
                writer.number(queued)
                writer.key("batch_size")
                writer.number(settings.maximumClientBatchSize)
            }
        }
    }
}
