import BiGSModel
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `GET /openapi.json`: the description of this server.
    func description(_: ServerRequest) async throws(APIError) -> ServerResponse {
        var response = ServerResponse(status: .ok)
        response.headers[.contentType] = "application/json"
        response.body = .bytes(Array(openAPI.text.utf8))
        return response
    }

    /// The document with this server's limits; before the model is loaded, without the model's.
    var openAPI: OpenAPIDocument {
        let models = try? readiness.registry()
        let loaded = models?.standard.loaded
        let pipeline: (request: String, answer: String) =
            switch loaded?.model.head {
            case .sequenceClassification: ("PredictRequest", "PredictAnswer")
            case .tokenClassification: ("TokenClassificationRequest", "EntityLists")
            case .questionAnswering: ("AnswerRequest", "Answers")
            default: ("EmbedRequest", "Vectors")
            }
        func list(_ names: [String]) -> String {
            var writer = JSONWriter()
            writer.array { writer in for name in names { writer.string(name) } }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        let prompts = loaded?.prompts.byName.keys.sorted() ?? []
        let promptName =
            prompts.isEmpty
            ? #"{"type":"null"}"#
            : #"{"anyOf":[{"type":"null"},{"enum":\#(list(prompts))}]}"#
        let all = models?.services.map(\.loaded) ?? []
        let heads = Set(all.flatMap(settings.heads.names)).sorted()
        let judges = !heads.isEmpty || all.contains { $0.model.head == .sequenceClassification }
        return OpenAPIDocument(
            values: [
                ("promptName", promptName),
                ("maxClientBatchSize", String(settings.maximumClientBatchSize)),
                ("maxTokenID", String((loaded?.configuration.vocabularySize ?? 1 << 31) - 1)),
                ("pooling", "[\"\((loaded?.pooling ?? .mean).rawValue)\",null]"),
                ("dimensions", String(loaded?.configuration.hiddenSize ?? 1 << 16)),
                ("pipelineRequest", pipeline.request), ("pipelineAnswer", pipeline.answer),
                // A cross-encoder reads pairs, of which one side may be empty.
                (
                    "rankedText",
                    loaded?.isCrossEncoder == true
                        ? #"{"type":"string"}"# : ##"{"$ref":"#/components/schemas/Text"}"##
                ),
                ("models", list(models?.names ?? [])),
                // Null stands for the checkpoint's own head.
                (
                    "trainedHeads",
                    "[null" + heads.map { "," + list([$0]).dropFirst().dropLast() }.joined() + "]"
                ),
                (
                    "evidence",
                    judges ? #"[null,false,true,"sentence","paragraph"]"# : "[null,false]"
                ),
            ],
            version: settings.version, needsKey: keys.isRequired)
    }
}
