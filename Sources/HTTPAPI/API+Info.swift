import BiGSModel
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `GET /health`: the process answers.
    func health(_: ServerRequest) async throws(APIError) -> ServerResponse {
        ServerResponse(status: .ok, headers: [:], body: .bytes([]))
    }

    /// `GET /ready`: the model is loaded, and the server is not draining.
    func ready(_: ServerRequest) async throws(APIError) -> ServerResponse {
        _ = try readiness.service()
        return ServerResponse(status: .ok, headers: [:], body: .bytes([]))
    }

    /// `GET /info`: text-embeddings-inference's fields, and what decides our numbers.
    func info(_: ServerRequest) async throws(APIError) -> ServerResponse {
        let registry = try readiness.registry()
        let service = registry.standard
        let models = registry.services.map(\.loaded)
        let model = service.loaded
        let configuration = model.configuration
        var writer = JSONWriter(capacity: 2_048)
        writer.object { writer in
            writer.key("model_id")
            writer.string(model.name)
            writer.key("served_model_name")
            writer.string(model.name)
            writer.key("model_sha")
            writer.string(model.fingerprintText)
            writer.key("model_dtype")
            writer.string(model.dtypeName)
            writer.key("model_type")
            writer.object { writer in
                if model.model.head == .sequenceClassification {
                    writer.key(model.isCrossEncoder ? "reranker" : "classifier")
                    writer.object { writer in
                        writer.key("id2label")
                        writer.object { writer in
                            for (index, label) in configuration.labels.enumerated() {
                                writer.key(String(index))
                                writer.string(label)
                            }
                        }
                        writer.key("label2id")
                        writer.object { writer in
                            for (index, label) in configuration.labels.enumerated() {
                                writer.key(label)
                                writer.number(index)
                            }
                        }
                    }
                } else {
                    writer.key("embedding")
                    writer.object { writer in
                        writer.key("pooling")
                        writer.string(model.pooling.rawValue)
                    }
                }
            }
            writer.key("max_concurrent_requests")
            writer.number(settings.maximumConnections)
            writer.key("max_input_length")
            writer.number(model.window)
            writer.key("max_batch_tokens")
            writer.number(settings.maximumBatchTokens)
            writer.key("max_batch_requests")
            writer.null()
            writer.key("max_client_batch_size")
            writer.number(settings.maximumClientBatchSize)
            writer.key("auto_truncate")
            writer.bool(settings.autoTruncate)
            writer.key("tokenization_workers")
            writer.number(1)
            writer.key("version")
            writer.string(settings.version)
            writer.key("sha")
            writer.null()
            writer.key("docker_label")
            writer.null()
            writer.key("fingerprint")
            writer.string(model.fingerprintText)
            writer.key("padding")
            writer.string(model.padding.rawValue)
            writer.key("pooling")
            writer.string(model.pooling.rawValue)
            writer.key("dtype")
            writer.string(model.dtypeName)
            writer.key("dimensions")
            writer.number(configuration.hiddenSize)
            writer.key("heads")
            writer.array { writer in
                for head in model.heads { writer.string(head.rawValue) }
            }
            writer.key("queued_tokens")
            writer.number(service.load)
            writer.key("store")
            let store = service.storeStatus
            writer.string(store.trouble ?? (store.isOpen ? "open" : "none"))
            writer.key("models")
            writer.array { writer in
                for model in models { write(model, &writer) }
            }
        }
        return .json(writer)
    }

    /// What decides one model's numbers, and what it can be asked for.
    private func write(_ model: LoadedModel, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("id")
            writer.string(model.name)
            writer.key("fingerprint")
            writer.string(model.fingerprintText)
            writer.key("max_input_length")
            writer.number(model.window)
            writer.key("dimensions")
            writer.number(model.configuration.hiddenSize)
            writer.key("pooling")
            writer.string(model.pooling.rawValue)
            writer.key("padding")
            writer.string(model.padding.rawValue)
            writer.key("heads")
            writer.array { writer in
                for head in model.heads { writer.string(head.rawValue) }
            }
            writer.key("trained_heads")
            writer.array { writer in
                for name in settings.heads.names(for: model) { writer.string(name) }
            }
            writer.key("prompts")
            writer.array { writer in
                for name in model.prompts.byName.keys.sorted() { writer.string(name) }
            }
            writer.key("default_prompt_name")
            writer.optional(model.prompts.defaultName)
        }
    }
}
