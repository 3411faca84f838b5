import DocumentStore
import Serving

/// The store.
extension OpenAPIDocument {
    private static let filter = Operation.Query.json(
        "filter", "Filter", "Only documents whose metadata pass.")

    private static let include = Operation.Query(
        name: "include", description: "Some of text, metadata, embedding, passages; with commas.",
        schema: #"{"type":"string","pattern":"^,*((text|metadata|embedding|"#
            + #"passages)(,+(text|metadata|embedding|passages))*,*)?$"}"#)

    static let documents: [String: Operation] = [
        "PUT /documents/{id}": Operation(
            tag: .documents, summary: "Encodes and keeps a document.", body: "DocumentBody",
            answers: [200: .json("Receipt"), 201: .json("Receipt")], headers: ["location"],
            encodes: true,
            refusals: [507]),
        "POST /documents": Operation(
            tag: .documents, summary: "Encodes and keeps a document or a list.",
            body: "Documents",
            answers: [200: .json("ReceiptOrList"), 201: .json("ReceiptOrList")],
            headers: ["location"], encodes: true,
            refusals: [507]),
        "POST /documents/import": Operation(
            tag: .documents, summary: "Documents line by line in, results line by line out.",
            query: [
                Operation.Query(
                    name: "results", description: "Which lines get a result.",
                    schema: #"{"type":"string","enum":["all","errors"]}"#)
            ], body: "ImportedDocument", answers: [200: .ndjson("ImportLine")], refusals: [424]),
        "GET /documents/{id}": Operation(
            tag: .documents, summary: "A kept document.",
            query: [
                .flag("embedding", "With the text's vector, of length one."),
                .flag("passages", "With the passages and their vectors, of length one."), include,
            ], answers: [200: .json("KeptDocument")], refusals: [424, 429]),
        "GET /documents": Operation(
            tag: .documents, summary: "A page of the kept documents.",
            query: [
                filter,
                .integer(
                    "limit", 1...API.maximumPage,
                    "How many at most; a page ends earlier past about 4 MB of text and vectors."),
                .text("cursor", "The page before's next."),
                Operation.Query(
                    name: "order", description: "What they are sorted by; - turns it around.",
                    schema: #"{"type":"string","enum":["id","created","updated","-id","#
                        + #""-created","-updated"]}"#),
                include,
            ], answers: [200: .json("DocumentPage")], refusals: [424, 429]),
        "DELETE /documents/{id}": Operation(
            tag: .documents, summary: "Deletes a document.", answers: [200: .json("Deleted")],
            refusals: [422, 424, 507]),
        "POST /documents/delete": Operation(
            tag: .documents,
            summary: "Deletes documents by ids or by filter, a thousand at a time.",
            body: "DeleteRequest", answers: [200: .json("Deleted")], refusals: [424, 507]),
        "POST /documents/search": Operation(
            tag: .documents, summary: "The best documents or passages for a question.",
            body: "SearchRequest", answers: [200: .json("SearchAnswer")], encodes: true,
            refusals: [404]),
        "POST /documents/{id}/chunk": Operation(
            tag: .documents, summary: "New passages of a kept document.",
            body: "DocumentChunkRequest", answers: [200: .json("Passages")],
            encodes: true),
        "POST /documents/{id}/predict": Operation(
            tag: .documents, summary: "A head's labels for a kept document.",
            query: [.text("head", "A trained head.")], body: "DocumentPredictRequest",
            answers: [200: .json("Scores")], encodes: true),
        "GET /documents/export": Operation(
            tag: .documents, summary: "All documents with their vectors: a snapshot.",
            query: [filter], answers: [200: .ndjson("ExportedDocument")], refusals: [424, 429]),
        "GET /store": Operation(
            tag: .documents, summary: "What is kept, and how it was used.",
            answers: [200: .json("Store")], refusals: [424]),
        "POST /store/compact": Operation(
            tag: .documents, summary: "Gives disk space back.",
            answers: [200: .json("Compaction")], refusals: [424, 507]),
    ]

    private static let id = #"""
        {"anyOf":[{"type":"null"},{"type":"integer","minimum":-9223372036854775808,
        "maximum":9223372036854775807},{"type":"string","minLength":1,"maxLength":1024,
        "description":"At most 1,024 bytes.","pattern":"^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}]}
        """#

    /// The values of metadata that can be asked for.
    private static let scalar = """
        {"type":["string","number","boolean","null"],"minimum":-9223372036854775808,
        "maximum":9223372036854775807}
        """
    private static let ordered = """
        {"type":["string","number"],"minimum":-9223372036854775808,"maximum":9223372036854775807}
        """
    private static let filters = """
        {"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/Filter"}}
        """

    /// What a document may have beside its id.
    private static let documentFields = """
        "text":{"$ref":"#/components/schemas/Text"},"metadata":{"type":["object","null"],
        "description":"Replaces what there is; null, or none, leaves a document its own."},
        "chunk":{"anyOf":[{"type":"null"},\(chunk),{"type":"array","items":\(chunk)}],
        "description":"The passages that get a vector; null, or none, keeps none."},
        "keep_states":{"enum":["float16","int8","none",null]},"model":{"anyOf":[{"type":"null"},
        {"enum":"{{models}}"},{"type":"string","pattern":"^[0-9a-f]{64}$"}],
        "description":"A served model's name or fingerprint. A line of an import may have any \
        fingerprint, as an export's do."},\(reading)
        """

    /// Members that only answers have say nothing in a document; they are let through so that what was
    /// got can be changed and put. Vectors are not: who brings some would think that they are kept.
    private static let answered = """
        "additionalProperties":false,"patternProperties":{
        "^(\(DocumentBody.answered.joined(separator: "|")))$":{"description":"As an answer has it; \
        not read."}}
        """

    private static let chunk = """
        {"anyOf":[{"enum":["document","sentence","paragraph","line","tokens"]},
        {"$ref":"#/components/schemas/Chunk"}]}
        """

    private static let passage = """
        "granularity":{"type":"string"},"start":{"type":"integer","minimum":0},
        "end":{"type":"integer","minimum":0},"text":{"type":"string"},
        "embedding":{"$ref":"#/components/schemas/Vector"}
        """

    static let documentSchemas: [(String, String)] = [
        (
            "Document",
            """
            {"type":"object","required":["text"],\(answered),"properties":{
            "id":{"allOf":[\(id),{"not":{"const":"export"}}]},\(documentFields)}}
            """
        ),
        (
            "ImportedDocument",
            """
            {"type":"object","required":["text"],\(answered),"properties":{
            "id":{"allOf":[\(id),{"not":{"const":"export"}}]},\(documentFields),
            "embedding":{"description":"As an export has it; made anew."},
            "passages":{"description":"As an export has them; made anew."}}}
            """
        ),
        (
            "DocumentBody",
            """
            {"type":"object","required":["text"],\(answered),"properties":{\(documentFields)}}
            """
        ),
        (
            "Chunk",
            """
            {"type":"object","description":"Without a granularity: spans where there are some, else \
            tokens.","properties":{
            "granularity":{"enum":\(granularities)},\(cutDetails),
            "spans":{"anyOf":[{"type":"null"},\(spans)]}}}
            """
        ),
        (
            "Documents",
            """
            {"description":"Of a list nothing is kept where a field of one document is wrong. Where a \
            text cannot be encoded, the error names its document, and says how many others were kept.",
            "anyOf":[{"$ref":"#/components/schemas/Document"},{"type":"array","minItems":1,
            "maxItems":\(API.maximumDocuments),"items":{"$ref":"#/components/schemas/Document"}}]}
            """
        ),
        (
            "Receipt",
            """
            {"type":"object","required":["id","status"],"properties":{"id":{"type":"string"},
            "status":{"enum":["stored","replaced","unchanged"]},"tokens":{"type":"integer"},
            "tokens_used":{"type":"integer"}}}
            """
        ),
        (
            "ReceiptOrList",
            """
            {"anyOf":[{"$ref":"#/components/schemas/Receipt"},{"type":"object",
            "required":["documents"],"properties":{"documents":{"type":"array",
            "items":{"$ref":"#/components/schemas/Receipt"}}}}]}
            """
        ),
        (
            "ImportLine",
            """
            {"type":"object","required":["status"],"properties":{"line":{"type":"integer"},
            "id":{"type":"string"},"status":{"enum":["stored","replaced","unchanged","error",
            "done","stopped"]},"lines":{"type":"integer"},"stored":{"type":"integer"},
            "replaced":{"type":"integer"},"unchanged":{"type":"integer"},
            "errors":{"type":"integer"},"tokens":{"type":"integer"},
            "tokens_used":{"type":"integer"},"error":{"type":"string"},"error_type":{"type":"string"}}}
            """
        ),
        (
            "KeptDocument",
            """
            {"type":"object","required":["id","text_sha256","created_at","updated_at"],
            "properties":{"id":{"type":"string"},"text":{"type":"string"},
            "metadata":{"type":"object"},"text_sha256":{"type":"string"},
            "created_at":{"type":"number"},"updated_at":{"type":"number"},
            "model":{"type":"string"},"tokens":{"type":"integer"},
            "tokens_used":{"type":"integer"},"truncated":{"type":"boolean"},
            "encoded_at":{"type":"number"},"has_states":{"type":"boolean"},
            "embedding":{"$ref":"#/components/schemas/Vector"},
            "passages":{"$ref":"#/components/schemas/DocumentPassages"}}}
            """
        ),
        (
            "ExportedDocument",
            """
            {"allOf":[{"$ref":"#/components/schemas/KeptDocument"},{"type":"object",
            "description":"With what it was put with, so that it can be imported as it is.",
            "properties":{"chunk":{"type":"array",
            "items":{"$ref":"#/components/schemas/Chunk"}},
            "keep_states":{"enum":["float16","int8","none"]},"truncate":{"const":true},
            "truncation_direction":{"const":"left"},
            "long":{"const":"windows"},"window_overlap":{"type":"integer"},
            "prompt_name":{"type":"string"}}}]}
            """
        ),
        (
            "Passages",
            """
            {"type":"array","items":{"$ref":"#/components/schemas/Passage"}}
            """
        ),
        (
            "DocumentPassages",
            """
            {"type":"array","items":{"type":"object","required":["granularity","start","end",
            "embedding"],"properties":{\(passage)}}}
            """
        ),
        (
            "DocumentPage",
            """
            {"type":"object","required":["documents","next"],"properties":{
            "documents":{"type":"array","items":{"$ref":"#/components/schemas/KeptDocument"}},
            "next":{"type":["string","null"]}}}
            """
        ),
        (
            "Deleted",
            """
            {"type":"object","required":["deleted"],"properties":{
            "deleted":{"type":"integer","minimum":0}}}
            """
        ),
        (
            "DeleteRequest",
            """
            {"anyOf":[{"type":"object","required":["ids"],"properties":{
            "ids":{"type":"array","maxItems":\(API.maximumDeletedIDs),"items":{"anyOf":[{"type":"string"},
            {"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}]}},
            \(model)},"additionalProperties":false},
            {"type":"object","required":["filter"],"properties":{
            "filter":{"$ref":"#/components/schemas/Filter"},
            "all":{"type":["boolean","null"]},\(model)},"additionalProperties":false}]}
            """
        ),
        (
            "Filter",
            """
            {"type":"object","description":"Chroma's language: conditions by the path of a member, all of \
            which must hold. At most 32 levels, 1,000 conditions, 10,000 values, and 32 of $contains and \
            $not_contains.",
            "properties":{"$and":\(filters),"$or":\(filters),
            "$not":{"$ref":"#/components/schemas/Filter"}},"patternProperties":{"^([^$]|$)":
            {"anyOf":[\(scalar),{"$ref":"#/components/schemas/Operators"}]}},
            "additionalProperties":false}
            """
        ),
        (
            "Operators",
            """
            {"type":"object","minProperties":1,"properties":{"$eq":\(scalar),"$ne":\(scalar),
            "$gt":\(ordered),"$gte":\(ordered),"$lt":\(ordered),"$lte":\(ordered),
            "$in":{"type":"array","items":\(scalar)},"$nin":{"type":"array","items":\(scalar)},
            "$contains":\(scalar),"$not_contains":\(scalar),"$exists":{"type":"boolean"},
            "$not":{"$ref":"#/components/schemas/Operators"}},"additionalProperties":false}
            """
        ),
        (
            "SearchRequest",
            """
            {"type":"object","anyOf":[{"required":["query"],"properties":{
            "query":{"$ref":"#/components/schemas/Text"},"embedding":{"type":"null"},
            "like":{"type":"null"}}},
            {"required":["embedding"],"properties":{"query":{"type":"null"},
            "embedding":{"type":"array"},"like":{"type":"null"},"mode":{"enum":["vector",null]}}},
            {"required":["query","embedding","mode"],"properties":{
            "query":{"$ref":"#/components/schemas/Text"},"embedding":{"type":"array"},
            "like":{"type":"null"},"mode":{"const":"hybrid"}}},
            {"required":["like"],"properties":{"query":{"type":"null"},
            "like":{"type":["string","integer"]},
            "embedding":{"type":"null"},"mode":{"enum":["vector",null]}}}],
            "allOf":[{"anyOf":[{"properties":{"fusion":{"type":"null"},"rank_constant":{"type":"null"},
            "alpha":{"type":"null"}}},
            {"required":["mode"],"properties":{"mode":{"const":"hybrid"}}}]},
            {"anyOf":[{"properties":{"rank_constant":{"type":"null"}}},
            {"properties":{"fusion":{"enum":["rrf",null]}}}]},
            {"anyOf":[{"properties":{"passages":{"enum":[false,null]}}},
            {"properties":{"mode":{"enum":["vector","hybrid",null]}}}]},
            {"anyOf":[{"properties":{"passage_weight":{"type":"null"}}},
            {"properties":{"passages":{"enum":[false,null]},"mode":{"enum":["vector","hybrid",null]}}}]}],
            "additionalProperties":false,"properties":{
            "query":{"type":["string","null"]},
            "embedding":{"type":["array","null"],"minItems":"{{dimensions}}",
            "maxItems":"{{dimensions}}","items":{"type":"number","minimum":-1e30,"maximum":1e30},
            "contains":{"anyOf":[{"minimum":1e-30},{"maximum":-1e-30}]}},
            "like":\(id),\(model),\(reading),
            "parameters":{"type":["object","null"],"additionalProperties":false,
            "properties":{\(model),\(reading),
            "top_k":{"type":["integer","null"],"minimum":1,"maximum":\(DocumentSearch.maximumHits)}}},
            "mode":{"enum":["vector","text","hybrid",null]},
            "fusion":{"enum":["rrf","relative_score",null],
            "description":"How a hybrid joins cosine and BM25: by reciprocal ranks (rrf, the default), or by \
            the mean of both scores on a scale from 0 to 1."},
            "alpha":{"type":["number","null"],"minimum":0,"maximum":1,
            "description":"The weight of the cosines, 0.5 unless given; BM25 has the rest of 1. With 0 or \
            1 the hits are those of the one ranking that counts."},
            "rank_constant":{"type":["integer","null"],"minimum":1,"maximum":\(SearchRequest.Fusion.rankConstants.upperBound),
            "description":"What reciprocal ranks add to each rank, 60 unless given: the smaller, the more \
            the first places count."},
            "top_k":{"type":["integer","null"],"minimum":1,"maximum":\(DocumentSearch.maximumHits)},
            "filter":{"$ref":"#/components/schemas/Filter"},
            "passages":{"anyOf":[{"type":["boolean","null"]},{"enum":\(granularities)}],
            "description":"Ranks passages, of all granularities or of one, by their vectors."},
            "passage_weight":{"type":["number","null"],"minimum":0,"maximum":1,
            "description":"How much the cosine of a document's best passage counts, of the cosines' 1; the \
            document's own has the rest. 0 unless given. A document without passages counts as one."},
            "include":{"type":["array","null"],"items":{"enum":["text","metadata","embedding",
            "passages"]}},"explain":{"type":["boolean","null"]}}}
            """
        ),
        (
            "SearchAnswer",
            """
            {"type":"object","required":["results","model"],"properties":{
            "model":{"type":"string"},"warning":{"type":"string",
            "description":"What the search left out."},"results":{"type":"array","items":{"allOf":[
            {"$ref":"#/components/schemas/KeptDocument"},{"type":"object","required":["score"],
            "properties":{"score":{"type":"number"},"passage":{"type":"object",
            "description":"What was ranked, or of a document its best, where passage_weight is given."},
            "explain":{"type":"object"}}}]}}}}
            """
        ),
        (
            "DocumentChunkRequest",
            """
            {"type":"object","properties":{\(cutting),\(model),\(reading),
            "spans":{"anyOf":[{"type":"null"},\(spans)]},
            "embedding_type":{"$ref":"#/components/schemas/EmbeddingType"},"normalize":{"type":["boolean","null"]},
            "dimensions":{"type":["integer","null"],"minimum":1,"maximum":"{{dimensions}}"}}}
            """
        ),
        (
            "DocumentPredictRequest",
            """
            {"type":"object","properties":{"head":{"type":["string","null"]},
            "evidence":{"anyOf":[{"type":"null"},{"type":"boolean"},
            {"enum":["sentence","paragraph"]}]},\(model),\(reading),"raw_scores":{"type":["boolean","null"]},
            "function_to_apply":{"enum":["none","default",null]},
            "top_k":{"type":["integer","null"],"minimum":1,
            "maximum":9223372036854775807}}}
            """
        ),
        (
            "Store",
            """
            {"type":"object","required":["documents","passages","text_tokenizer",
            "cached_encodings","file_bytes","hits","misses","evictions"],"properties":{"documents":{"type":"integer"},
            "passages":{"type":"integer"},"documents_with_states":{"type":"integer"},
            "text_tokenizer":{"enum":["unicode61","porter"]},
            "documents_by_model":{"type":"object"},"cached_encodings":{"type":"integer"},
            "cached_bytes":{"type":"integer"},"file_bytes":{"type":"integer"},
            "free_bytes":{"type":"integer"},"hits":{"type":"integer"},
            "misses":{"type":"integer"},"evictions":{"type":"integer"},
            "oldest_cached":{"type":["number","null"]},
            "newest_cached":{"type":["number","null"]},
            "oldest_document":{"type":["number","null"]},
            "newest_document":{"type":["number","null"]}}}
            """
        ),
        (
            "Compaction",
            """
            {"type":"object","required":["bytes_before","bytes_after"],"properties":{
            "bytes_before":{"type":"integer"},"bytes_after":{"type":"integer"}}}
            """
        ),
    ]
}
