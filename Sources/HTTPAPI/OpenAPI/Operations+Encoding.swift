/// Texts in, numbers out.
extension OpenAPIDocument {
    static let encoding: [String: Operation] = [
        "POST /embed": Operation(
            tag: .encoding, summary: "One vector per input.", body: "EmbedRequest",
            answers: [200: .json("Vectors")], encodes: true),
        "POST /embed_all": Operation(
            tag: .encoding, summary: "The state of every token, unpooled.",
            body: "EmbedAllRequest", answers: [200: .json("TokenStates")], encodes: true,
            refusals: [404]),
        "POST /predict": Operation(
            tag: .encoding, summary: "The classification head's labels and scores.",
            query: [.text("head", "A trained head.")], body: "PredictRequest",
            answers: [200: .json("PredictAnswer")], encodes: true,
            refusals: [404, 424]),
        "POST /classify": Operation(
            tag: .encoding,
            summary: "The head's labels, or candidate labels it was never trained on.",
            body: "ClassifyRequest", answers: [200: .json("Classes")], headers: ["x-scoring"],
            encodes: true,
            refusals: [404, 424]),
        "POST /rerank": rerank, "POST /v1/rerank": rerank, "POST /v2/rerank": rerank,
        "POST /similarity": Operation(
            tag: .encoding, summary: "Cosines of one sentence with others.",
            body: "SimilarityRequest", answers: [200: .json("Vector")], encodes: true,
            refusals: [404]),
        "POST /fill-mask": Operation(
            tag: .encoding, summary: "The likeliest tokens in place of each mask.",
            body: "FillMaskRequest", answers: [200: .json("FilledMasks")], encodes: true,
            refusals: [404, 424]),
        "POST /answer": Operation(
            tag: .encoding, summary: "Answers to a question, with their place in the context.",
            body: "AnswerRequest", answers: [200: .json("Answers")], encodes: true,
            refusals: [404, 424]),
        "POST /token_classification": Operation(
            tag: .encoding, summary: "Labels of tokens, or of what they name together.",
            body: "TokenClassificationRequest", answers: [200: .json("EntityLists")],
            encodes: true, refusals: [404, 424]),
        "POST /chunk": Operation(
            tag: .encoding,
            summary: "Late chunking: one pass over the text, a vector for each passage.",
            body: "ChunkRequest", answers: [200: .json("PassageLists")], encodes: true,
            refusals: [404]),
        "POST /v1/embeddings": openAIEmbeddings, "POST /embeddings": openAIEmbeddings,
        "POST /tokenize": Operation(
            tag: .encoding, summary: "Tokens, with their place in the text.",
            body: "TokenizeRequest", answers: [200: .json("Tokens")], refusals: [404]),
        "POST /decode": Operation(
            tag: .encoding, summary: "Token ids back to text.", body: "DecodeRequest",
            answers: [200: .json("Texts")], refusals: [404]),
        "POST /": pipeline, "POST /invocations": pipeline,
    ]

    private static let pipeline = Operation(
        tag: .encoding,
        summary: "What the model is for: what its head says, else vectors.",
        body: "PipelineRequest", answers: [200: .json("PipelineAnswer")], headers: ["x-scoring"],
        encodes: true,
        refusals: [404])

    private static let openAIEmbeddings = Operation(
        tag: .encoding, summary: "Vectors, as OpenAI's API gives them.",
        body: "OpenAIEmbeddingsRequest", answers: [200: .json("OpenAIEmbeddings")],
        encodes: true, refusals: [404])

    private static let rerank = Operation(
        tag: .encoding, summary: "Texts in the order in which they answer a query.",
        body: "RerankRequest", answers: [200: .json("RerankAnswer")], headers: ["x-scoring"],
        encodes: true,
        refusals: [404])

    /// How a text is read. A document's is kept with it; of a kept one, what is not said is as it was put.
    static let reading = """
        "truncate":{"anyOf":[{"type":["boolean","null"]},{"enum":["NONE","START","END"]}],
        "description":"Whether a text over the window is cut, or which of its ends is."},
        "truncation_direction":{"anyOf":[{"type":"null"},
        {"enum":["right","left","Right","Left"]}]},
        "long":{"anyOf":[{"type":"null"},{"const":"windows"}]},
        "window_overlap":{"type":["integer","null"],"minimum":0,"maximum":9223372036854775807,
        "description":"Tokens that neighbouring windows share; a 32nd of a window if not given."},
        "prompt_name":"{{promptName}}"
        """

    /// The model that answers, in a body.
    static let model = """
        "model":{"anyOf":[{"type":"null"},{"enum":"{{models}}"}]}
        """

    /// Properties that encoding routes share.
    static let common = """
        \(model),
        \(reading),
        "parameters":{"type":["object","null"]}
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
            {"type":"array","minItems":1,"maxItems":\(API.maximumOpenAIInputs),
            "items":{"$ref":"#/components/schemas/Text"}},
            {"$ref":"#/components/schemas/TokenIDs"},
            {"type":"array","minItems":1,"maxItems":\(API.maximumOpenAIInputs),
            "items":{"$ref":"#/components/schemas/TokenIDs"}}]}
            """
        ),
        (
            "EmbedRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"$ref":"#/components/schemas/Inputs"},\(common),
            "embedding_type":{"$ref":"#/components/schemas/EmbeddingType"},
            "pooling":{"enum":"{{pooling}}","description":"The model's own; /chunk takes others."},
            "embedding_types":{"type":["array","null"],"minItems":1,
            "items":{"enum":["float","int8","uint8","binary","ubinary"]}},
            "normalize":{"type":["boolean","null"]},
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        ("Vector", #"{"type":"array","items":{"type":"number"}}"#),
        (
            "Vectors",
            """
            {"anyOf":[{"type":"array","items":{"$ref":"#/components/schemas/Vector"}},
            {"type":"object","required":["embeddings","model","usage"],"properties":{
            "model":{"type":"string"},"usage":{"$ref":"#/components/schemas/Usage"},
            "embeddings":{"type":"object","additionalProperties":{"type":"array",
            "items":{"$ref":"#/components/schemas/Vector"}}}}}]}
            """
        ),
        (
            "EmbeddingType",
            """
            {"anyOf":[{"type":"null"},{"enum":["float","int8","uint8","binary","ubinary"]}]}
            """
        ),
        (
            "TextPair",
            """
            {"type":"object","required":["text"],"properties":{
            "text":{"$ref":"#/components/schemas/Text"},"text_pair":{"type":["string","null"]}}}
            """
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
            "items":{"$ref":"#/components/schemas/Text"}}},
            {"$ref":"#/components/schemas/TextPair"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/TextPair"}}]},\(common),
            "raw_scores":{"type":["boolean","null"]},
            "function_to_apply":{"description":"What becomes of the model's scores; goes before raw_scores.",
            "enum":["none","sigmoid","softmax","default",null]},
            "top_k":{"type":["integer","null"],"minimum":1,
            "maximum":9223372036854775807},
            "head":{"enum":"{{trainedHeads}}"},
            "evidence":{"enum":"{{evidence}}"}}}
            """
        ),
        (
            "Scores",
            """
            {"type":"array","items":{"type":"object","required":["label","score"],"properties":{
            "label":{"type":"string"},"score":{"type":"number"},
            "evidence":{"type":"array","description":"The passages that carry the label, best first.",
            "items":{"type":"object","required":["start","end","text","score"],"properties":{
            "start":{"type":"integer"},"end":{"type":"integer"},"text":{"type":"string"},
            "score":{"type":"number"}}}}}}}
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
            {"type":"object","required":["input"],
            "anyOf":[{"properties":{"encoding_format":{"enum":["float",null]}}},
            {"properties":{"embedding_type":{"enum":["float","base64",null]}}}],"properties":{
            "input":{"$ref":"#/components/schemas/OpenAIInputs"},
            "embedding_type":{"anyOf":[{"$ref":"#/components/schemas/EmbeddingType"},
            {"const":"base64"}]},
            "encoding_format":{"anyOf":[{"type":"null"},{"enum":["float","base64"]}]},
            "user":{"type":["string","null"]},"normalize":{"type":["boolean","null"]},\(common),
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        (
            "OpenAIEmbeddings",
            """
            {"type":"object","required":["object","data","model","usage"],"properties":{
            "object":{"const":"list"},"model":{"type":"string"},
            "data":{"type":"array","items":{"type":"object",
            "required":["object","index","embedding","tokens","tokens_used"],"properties":{
            "object":{"const":"embedding"},"index":{"type":"integer"},
            "tokens":{"type":"integer"},"tokens_used":{"type":"integer"},
            "embedding":{"anyOf":[{"type":"string"},{"$ref":"#/components/schemas/Vector"}]}}}},
            "usage":{"$ref":"#/components/schemas/Usage"}}}
            """
        ),
        (
            "Usage",
            """
            {"type":"object","required":["prompt_tokens","total_tokens"],"properties":{
            "prompt_tokens":{"type":"integer"},"total_tokens":{"type":"integer"}}}
            """
        ),
        (
            "TokenizeRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"anyOf":[{"$ref":"#/components/schemas/Text"},
            {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/Text"}}]},
            "add_special_tokens":{"type":["boolean","null"]},
            \(model),
            "prompt_name":"{{promptName}}"}}
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
            \(model),
            "skip_special_tokens":{"type":["boolean","null"]}}}
            """
        ),
        (
            "PipelineRequest",
            """
            {"anyOf":[{"$ref":"#/components/schemas/{{pipelineRequest}}"},
            {"$ref":"#/components/schemas/SimilarityRequest"},
            {"$ref":"#/components/schemas/RerankRequest"},
            {"allOf":[{"$ref":"#/components/schemas/ClassifyRequest"},{"type":"object",
            "description":"The labels and their options may also stand in parameters.",
            "required":["inputs","candidate_labels"],
            "properties":{"candidate_labels":{"type":["string","array"]}}}]}]}
            """
        ),
        (
            "PipelineAnswer",
            """
            {"anyOf":[{"$ref":"#/components/schemas/{{pipelineAnswer}}"},
            {"$ref":"#/components/schemas/RerankAnswer"},
            {"$ref":"#/components/schemas/Vector"},{"$ref":"#/components/schemas/PredictAnswer"}]}
            """
        ),
        ("Texts", #"{"type":"array","items":{"type":"string"}}"#),
    ]
}
