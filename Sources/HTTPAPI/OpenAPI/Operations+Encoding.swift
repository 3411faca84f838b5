/// Texts in, numbers out.
extension OpenAPIDocument {
    static let encoding: [String: Operation] = [
        "POST /embed": Operation(
            tag: .encoding, summary: "One vector per input.", body: "EmbedRequest",
            answers: [200: .json("Vectors")], encodes: true),
        "POST /predict": Operation(
            tag: .encoding, summary: "The classification head's labels and scores.",
            body: "PredictRequest", answers: [200: .json("PredictAnswer")], encodes: true),
        "POST /v1/embeddings": Operation(
            tag: .encoding, summary: "Vectors, as OpenAI's API gives them.",
            body: "OpenAIEmbeddingsRequest", answers: [200: .json("OpenAIEmbeddings")],
            encodes: true, refusals: [404]),
        "POST /tokenize": Operation(
            tag: .encoding, summary: "Tokens, with their place in the text.",
            body: "TokenizeRequest", answers: [200: .json("Tokens")]),
        "POST /decode": Operation(
            tag: .encoding, summary: "Token ids back to text.", body: "DecodeRequest",
            answers: [200: .json("Texts")]),
        "POST /": pipeline, "POST /invocations": pipeline,
    ]

    private static let pipeline = Operation(
        tag: .encoding, summary: "What the model is for: classes from a classifier, else vectors.",
        body: "PipelineRequest", answers: [200: .json("PipelineAnswer")], encodes: true)

    /// Properties that encoding routes share.
    private static let common = """
        "truncate":{"type":["boolean","null"]},
        "truncation_direction":{"anyOf":[{"type":"null"},
        {"enum":["right","left","Right","Left"]}]},
        "prompt_name":{"type":"null"}
        """

    static let encodingSchemas: [(String, String)] = [
        ("Text", #"{"type":"string","minLength":1}"#),
        (
            "TokenIDs",
            """
            {"type":"array","minItems":1,
            "items":{"type":"integer","minimum":0,"maximum":"{{maxTokenID}}"}}
            """
        ),
        (
            "Inputs",
            """
            {"anyOf":[{"$ref":"#/components/schemas/Text"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/Text"}},
            {"$ref":"#/components/schemas/TokenIDs"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/TokenIDs"}}]}
            """
        ),
        (
            "OpenAIInputs",
            """
            {"anyOf":[{"$ref":"#/components/schemas/Text"},
            {"type":"array","minItems":1,"maxItems":2048,
            "items":{"$ref":"#/components/schemas/Text"}},
            {"$ref":"#/components/schemas/TokenIDs"},
            {"type":"array","minItems":1,"maxItems":2048,
            "items":{"$ref":"#/components/schemas/TokenIDs"}}]}
            """
        ),
        (
            "EmbedRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"$ref":"#/components/schemas/Inputs"},\(common),
            "normalize":{"type":["boolean","null"]},
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        ("Vector", #"{"type":"array","items":{"type":"number"}}"#),
        (
            "Vectors",
            ##"{"type":"array","items":{"$ref":"#/components/schemas/Vector"}}"##
        ),
        (
            "PredictRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"anyOf":[{"$ref":"#/components/schemas/Text"},
            {"type":"array","minItems":1,"maxItems":2,
            "items":{"$ref":"#/components/schemas/Text"}},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"type":"array","minItems":1,"maxItems":2,
            "items":{"$ref":"#/components/schemas/Text"}}}]},\(common),
            "raw_scores":{"type":["boolean","null"]},
            "top_k":{"type":["integer","null"],"minimum":1}}}
            """
        ),
        (
            "Scores",
            """
            {"type":"array","items":{"type":"object","required":["label","score"],"properties":{
            "label":{"type":"string"},"score":{"type":"number"}}}}
            """
        ),
        (
            "PredictAnswer",
            """
            {"anyOf":[{"$ref":"#/components/schemas/Scores"},
            {"type":"array","items":{"$ref":"#/components/schemas/Scores"}}]}
            """
        ),
        (
            "OpenAIEmbeddingsRequest",
            """
            {"type":"object","required":["input"],"properties":{
            "input":{"$ref":"#/components/schemas/OpenAIInputs"},
            "model":{"anyOf":[{"type":"null"},{"enum":"{{models}}"}]},
            "encoding_format":{"anyOf":[{"type":"null"},{"enum":["float","base64"]}]},
            "user":{"type":["string","null"]},\(common),
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        (
            "OpenAIEmbeddings",
            """
            {"type":"object","required":["object","data","model","usage"],"properties":{
            "object":{"const":"list"},"model":{"type":"string"},
            "data":{"type":"array","items":{"type":"object",
            "required":["object","index","embedding"],"properties":{
            "object":{"const":"embedding"},"index":{"type":"integer"},
            "embedding":{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/Vector"}]}}}},
            "usage":{"type":"object","required":["prompt_tokens","total_tokens"],"properties":{
            "prompt_tokens":{"type":"integer"},"total_tokens":{"type":"integer"}}}}}
            """
        ),
        (
            "TokenizeRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"anyOf":[{"$ref":"#/components/schemas/Text"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/Text"}}]},
            "add_special_tokens":{"type":["boolean","null"]},"prompt_name":{"type":"null"}}}
            """
        ),
        (
            "Tokens",
            """
            {"type":"array","items":{"type":"array","items":{"type":"object",
            "required":["id","text","special","start","stop"],"properties":{
            "id":{"type":"integer"},"text":{"type":"string"},"special":{"type":"boolean"},
            "start":{"type":["integer","null"]},"stop":{"type":["integer","null"]}}}}}
            """
        ),
        (
            "DecodeRequest",
            """
            {"type":"object","required":["ids"],"properties":{
            "ids":{"anyOf":[{"$ref":"#/components/schemas/TokenIDs"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/TokenIDs"}}]},
            "skip_special_tokens":{"type":["boolean","null"]}}}
            """
        ),
        ("PipelineRequest", ##"{"$ref":"#/components/schemas/{{pipelineRequest}}"}"##),
        ("PipelineAnswer", ##"{"$ref":"#/components/schemas/{{pipelineAnswer}}"}"##),
        ("Texts", #"{"type":"array","items":{"type":"string"}}"#),
    ]
}
