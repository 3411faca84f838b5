/// The service about itself.
extension OpenAPIDocument {
    static let service: [String: Operation] = [
        "GET /": Operation(
            tag: .service, summary: "The console, a page for browsers.",
            answers: [200: .text("text/html")]),
        "GET /health": Operation(
            tag: .service, summary: "The process answers.", answers: [200: .empty]),
        "GET /ping": Operation(
            tag: .service, summary: "As /ready, under SageMaker's name.", answers: [200: .empty]),
        "GET /ready": Operation(
            tag: .service, summary: "The model is loaded and the server is not draining.",
            answers: [200: .empty]),
        "GET /info": Operation(
            tag: .service, summary: "The model and the limits.", answers: [200: .json("Info")]),
        "GET /metrics": Operation(
            tag: .service, summary: "Metrics for Prometheus.",
            answers: [200: .text("text/plain")]),
        "GET /openapi.json": Operation(
            tag: .service, summary: "This description.", answers: [200: .json("Description")]),
        "GET /v1/models": models, "GET /models": models,
        "GET /v1/models/{id}": oneModel, "GET /v1/models/{owner}/{name}": oneModel,
    ]

    private static let oneModel = Operation(
        tag: .service, summary: "One model.", answers: [200: .json("Model")])

    private static let models = Operation(
        tag: .service, summary: "The models, as OpenAI lists them.",
        answers: [200: .json("ModelList")])

    static let serviceSchemas: [(String, String)] = [
        (
            "Error",
            """
            {"type":"object","required":["error","error_type","request_id"],"properties":{
            "error":{"type":"string"},
            "error_type":{"type":"string","enum":["Malformed","Unauthorized","NotFound","Method",
            "Timeout","PayloadTooLarge","ContentType","Validation","Backend","Overloaded",
            "Unhealthy","Internal","NotCached","StoreFull"]},
            "request_id":{"type":"string"}}}
            """
        ),
        (
            "OpenAIError",
            """
            {"type":"object","required":["error"],"properties":{"error":{"type":"object",
            "required":["message","type","param","code"],"properties":{
            "message":{"type":"string"},"type":{"type":"string"},
            "param":{"type":["string","null"]},"code":{"type":["string","null"]}}}}}
            """
        ),
        (
            "Info",
            """
            {"type":"object","required":["model_id","model_sha","model_dtype","model_type",
            "max_input_length","max_batch_tokens","max_client_batch_size","auto_truncate",
            "version","fingerprint","padding","pooling","dtype","dimensions","heads"],
            "properties":{"model_id":{"type":"string"},
            "served_model_name":{"type":"string"},"model_sha":{"type":"string"},
            "model_dtype":{"type":"string"},"model_type":{"type":"object"},
            "max_concurrent_requests":{"type":"integer"},"max_input_length":{"type":"integer"},
            "max_batch_tokens":{"type":"integer"},
            "max_batch_requests":{"type":["integer","null"]},
            "max_client_batch_size":{"type":"integer"},"auto_truncate":{"type":"boolean"},
            "tokenization_workers":{"type":"integer"},"version":{"type":"string"},
            "sha":{"type":["string","null"]},"docker_label":{"type":["string","null"]},
            "fingerprint":{"type":"string"},"padding":{"type":"string"},
            "pooling":{"type":"string"},"dtype":{"type":"string"},
            "dimensions":{"type":"integer"},"heads":{"type":"array","items":{"type":"string"}},
            "queued_tokens":{"type":"integer"},"store":{"type":"string"},
            "models":{"type":"array","items":{"type":"object",
            "required":["id","fingerprint","max_input_length","dimensions","heads"],
            "properties":{"id":{"type":"string"},"fingerprint":{"type":"string"},
            "max_input_length":{"type":"integer"},"dimensions":{"type":"integer"},
            "pooling":{"type":"string"},"padding":{"type":"string"},
            "heads":{"type":"array","items":{"type":"string"}},
            "trained_heads":{"type":"array","items":{"type":"string"}},
            "prompts":{"type":"array","items":{"type":"string"}},
            "default_prompt_name":{"type":["string","null"]}}}}}}
            """
        ),
        ("Description", #"{"type":"object","required":["openapi","info","paths"]}"#),
        (
            "Model",
            """
            {"type":"object","required":["id","object","created","owned_by"],"properties":{
            "id":{"type":"string"},"object":{"const":"model"},"created":{"type":"integer"},
            "owned_by":{"type":"string"},"backend":{"type":"string"},
            "stats":{"type":"object","description":"At /models alone, as Infinity has it."}}}
            """
        ),
        (
            "ModelList",
            """
            {"type":"object","required":["object","data"],"properties":{"object":{"const":"list"},
            "data":{"type":"array","items":{"$ref":"#/components/schemas/Model"}}}}
            """
        ),
    ]
}
