/// Schemas of the routes of heads, of ranking and of late chunking.
extension OpenAPIDocument {
    private static let texts = """
        {"anyOf":[{"$ref":"#/components/schemas/Text"},
        {"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
        "items":{"$ref":"#/components/schemas/Text"}}]}
        """

    /// The names of granularities, as JSON.
    static let granularities =
        "[" + PassageCut.names.map { "\"\($0)\"" }.joined(separator: ",") + "]"

    /// The caller's spans of one text.
    static let spans = """
        {"type":"array","maxItems":\(PassageCut.maximumSpans),"items":{"type":"array",
        "minItems":2,"maxItems":2,"items":{"type":"integer","minimum":0,
        "maximum":9223372036854775807}}}
        """

    /// How texts are cut, and how passages are pooled: what the chunk routes share.
    static let cutting = """
        "granularity":{"anyOf":[{"type":"null"},{"enum":\(granularities)},
        {"type":"array","minItems":1,"items":{"enum":\(granularities)}}],
        "description":"document is the whole text as one."},
        \(cutDetails),
        "pooling":{"anyOf":[{"type":"null"},
        {"enum":["mean","cls","max","last-token","pooler"]}],
        "description":"As a server with --pooling of that name; pooler for document alone."},
        "return_text":{"type":["boolean","null"]}
        """

    /// The details of tokens and sentences.
    static let cutDetails = """
        "size":{"type":["integer","null"],"minimum":1,"maximum":9223372036854775807},
        "overlap":{"type":["integer","null"],"minimum":0,"maximum":9223372036854775807},
        "join_lines":{"type":["boolean","null"]}
        """

    private static let topK = """
        "top_k":{"type":["integer","null"],"minimum":1,"maximum":9223372036854775807}
        """

    static let headSchemas: [(String, String)] = [
        (
            "EmbedAllRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"$ref":"#/components/schemas/Inputs"},\(common)}}
            """
        ),
        (
            "TokenStates",
            """
            {"type":"array","items":{"type":"array",
            "items":{"$ref":"#/components/schemas/Vector"}}}
            """
        ),
        (
            "ClassifyRequest",
            """
            {"type":"object","anyOf":[{"required":["input"]},{"required":["inputs"]}],
            "allOf":[{"anyOf":[{"properties":{"candidate_labels":{"type":"null"}}},
            {"properties":{"input":\(texts),"inputs":\(texts)}}]}],
            "properties":{
            "input":{"$ref":"#/components/schemas/Inputs"},
            "inputs":{"$ref":"#/components/schemas/Inputs"},\(common),\(topK),
            "raw_scores":{"type":["boolean","null"]},
            "function_to_apply":{"description":"What becomes of the scores; goes before raw_scores. Of \
            candidate labels, sigmoid scores each by itself.",
            "enum":["none","sigmoid","softmax","default",null]},
            "candidate_labels":{"anyOf":[{"type":"null"},{"type":"string","minLength":1},
            {"type":"array","minItems":1,"items":{"type":"string","minLength":1}}]},
            "hypothesis_template":{"type":["string","null"],"pattern":"[{][}]"},
            "multi_label":{"type":["boolean","null"]}}}
            """
        ),
        (
            "Classes",
            """
            {"type":"object","required":["object","data","model","usage","inputs"],"properties":{
            "object":{"const":"classify"},"model":{"type":"string"},
            "data":{"type":"array","items":{"$ref":"#/components/schemas/Scores"}},
            "usage":{"$ref":"#/components/schemas/Usage"},
            "inputs":{"type":"array","items":{"type":"object",
            "required":["tokens","tokens_used"],"properties":{
            "tokens":{"type":"integer"},"tokens_used":{"type":"integer"}}}}}}
            """
        ),
        (
            "RerankRequest",
            """
            {"type":"object","required":["query"],
            "oneOf":[{"required":["texts"]},{"required":["documents"]}],"properties":{
            "query":"{{rankedText}}",
            "texts":{"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":"{{rankedText}}"},
            "documents":{"type":"array","minItems":1,"maxItems":\(API.maximumRankedDocuments),"items":{"anyOf":[
            "{{rankedText}}",{"type":"object","required":["text"],
            "properties":{"text":"{{rankedText}}"}}]}},\(common),
            "rank_fields":{"anyOf":[{"type":"null"},{"type":"array","minItems":1,
            "items":{"type":"string"},"contains":{"const":"text"}}],
            "description":"The fields of documents that are objects which are ranked, one after the \
            other; text unless given. Each object has to have one of them, and those that it has are \
            strings; where all have others, text need not be named, or be there."},
            "raw_scores":{"type":["boolean","null"]},"return_text":{"type":["boolean","null"]},
            "top_n":{"type":["integer","null"],"minimum":1,
            "maximum":9223372036854775807},
            "return_documents":{"type":["boolean","null"]}}}
            """
        ),
        (
            "RerankAnswer",
            """
            {"anyOf":[{"type":"array","items":{"type":"object","required":["index","score"],
            "properties":{"index":{"type":"integer"},"score":{"type":"number"},
            "text":{"type":"string"}}}},
            {"type":"object","required":["id","model","results","usage"],"properties":{
            "id":{"type":"string"},"model":{"type":"string"},
            "usage":{"$ref":"#/components/schemas/Usage"},
            "results":{"type":"array","items":{"type":"object",
            "required":["index","relevance_score","tokens","tokens_used"],"properties":{
            "index":{"type":"integer"},"relevance_score":{"type":"number"},
            "tokens":{"type":"integer","description":"With a cross-encoder, of query and text."},
            "tokens_used":{"type":"integer"},"document":{"type":"object",
            "properties":{"text":{"type":"string"}}}}}}}}]}
            """
        ),
        (
            "SimilarityRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"type":"object","required":["source_sentence","sentences"],"properties":{
            "source_sentence":{"$ref":"#/components/schemas/Text"},
            "sentences":{"type":"array","minItems":1,"maxItems":"{{maxClientBatchSize}}",
            "items":{"$ref":"#/components/schemas/Text"}}}},\(common)}}
            """
        ),
        (
            "FillMaskRequest",
            """
            {"type":"object","required":["inputs"],"properties":{
            "inputs":{"$ref":"#/components/schemas/Inputs"},\(common),
            "top_k":{"type":["integer","null"],"minimum":1,"maximum":\(API.maximumCandidates)},
            "targets":{"anyOf":[{"type":"null"},{"type":"string"},
            {"type":"array","items":{"type":"string"}}]}}}
            """
        ),
        (
            "MaskCandidate",
            """
            {"type":"object","required":["score","token","token_str","sequence"],"properties":{
            "score":{"type":"number"},"token":{"type":"integer"},"token_str":{"type":"string"},
            "sequence":{"type":"string"}}}
            """
        ),
        (
            "FilledMasks",
            """
            {"type":"array","description":"The candidates of a text with one mask; of a text with \
            several, a list for each; of several texts, a list of these.","items":{"anyOf":[
            {"$ref":"#/components/schemas/MaskCandidate"},{"type":"array","items":{"anyOf":[
            {"$ref":"#/components/schemas/MaskCandidate"},{"type":"array",
            "items":{"$ref":"#/components/schemas/MaskCandidate"}}]}}]}}
            """
        ),
        (
            "AnswerRequest",
            """
            {"type":"object","anyOf":[{"required":["question","context"]},
            {"required":["inputs"]}],"properties":{
            "question":{"$ref":"#/components/schemas/Text"},
            "context":{"$ref":"#/components/schemas/Text"},
            "inputs":{"type":"object","required":["question","context"],"properties":{
            "question":{"$ref":"#/components/schemas/Text"},
            "context":{"$ref":"#/components/schemas/Text"}}},\(common),\(topK),
            "max_answer_len":{"type":["integer","null"],"minimum":1,"maximum":512},
            "doc_stride":{"type":["integer","null"],"minimum":0,
            "maximum":9223372036854775807},
            "max_seq_len":{"type":["integer","null"],"minimum":1,
            "maximum":9223372036854775807},
            "handle_impossible_answer":{"type":["boolean","null"]},
            "align_to_words":{"type":["boolean","null"]}}}
            """
        ),
        (
            "Answer",
            """
            {"type":"object","required":["score","start","end","answer"],"properties":{
            "score":{"type":"number"},"start":{"type":"integer"},"end":{"type":"integer"},
            "answer":{"type":"string"}}}
            """
        ),
        (
            "Answers",
            """
            {"anyOf":[{"$ref":"#/components/schemas/Answer"},
            {"type":"array","items":{"$ref":"#/components/schemas/Answer"}}]}
            """
        ),
        (
            "TokenClassificationRequest",
            """
            {"type":"object","required":["inputs"],"properties":{"inputs":\(texts),\(common),
            "aggregation_strategy":{"anyOf":[{"type":"null"},
            {"enum":["none","simple","first","average","max"]}]},
            "ignore_labels":{"type":["array","null"],"items":{"type":"string"}}}}
            """
        ),
        (
            "Entity",
            """
            {"type":"object","required":["score","word","start","end"],
            "oneOf":[{"required":["entity","index"]},{"required":["entity_group"]}],
            "properties":{"entity":{"type":"string"},"entity_group":{"type":"string",
            "description":"In place of entity and index where tokens were joined."},
            "index":{"type":"integer"},"score":{"type":"number"},"word":{"type":"string"},
            "start":{"type":"integer"},"end":{"type":"integer"}}}
            """
        ),
        (
            "EntityLists",
            """
            {"type":"array","description":"The entities of one text; of several texts, a list for \
            each.","items":{"anyOf":[{"$ref":"#/components/schemas/Entity"},
            {"type":"array","items":{"$ref":"#/components/schemas/Entity"}}]}}
            """
        ),
        (
            "ChunkRequest",
            """
            {"type":"object","required":["inputs"],"properties":{"inputs":\(texts),\(common),
            \(cutting),"spans":{"anyOf":[{"type":"null"},\(spans),
            {"type":"array","maxItems":"{{maxClientBatchSize}}","items":\(spans)}],
            "description":"A list for one text, a list of lists for several; at most \
            \(PassageCut.maximumSpans) spans in all."},
            "embedding_type":{"$ref":"#/components/schemas/EmbeddingType"},
            "normalize":{"type":["boolean","null"]},
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        (
            "Passage",
            """
            {"type":"object","required":["granularity","start","end","tokens","input_tokens",
            "input_tokens_used","embedding"],
            "properties":{"granularity":{"enum":\(granularities)},"start":{"type":"integer"},
            "end":{"type":"integer"},"tokens":{"type":"integer"},
            "input_tokens":{"type":"integer",
            "description":"How many tokens the whole text has."},
            "input_tokens_used":{"type":"integer",
            "description":"How many of them the model saw."},"text":{"type":"string"},
            "embedding":{"anyOf":[{"type":"null"},{"$ref":"#/components/schemas/Vector"}]}}}
            """
        ),
        (
            "PassageLists",
            """
            {"type":"array","items":{"anyOf":[{"$ref":"#/components/schemas/Passage"},
            {"type":"array","items":{"$ref":"#/components/schemas/Passage"}}]}}
            """
        ),
    ]
}
