import HTTPServer
import HTTPTypes
import Learning
import Serving

extension API {
    /// `/predict` with a trained head in place of the checkpoint's own, or with evidence.
    func predict(
        head name: String?, _ inputs: ClassificationInputs, evidence: EvidenceField?,
        _ options: CommonOptions, _ request: ServerRequest, service: EncodingService
    ) async throws(APIError) -> ServerResponse {
        let head: TrainedHead?
        do throws(DocumentError) {
            head = try name.map { name throws(DocumentError) in
                try settings.heads.head(named: name, for: service.loaded)
            }
        } catch {
            throw .document(error)
        }
        var texts: [String] = []
        for (index, item) in inputs.items.enumerated() {
            guard case .text(let text) = item else {
                throw .validation(
                    field: InputNames("inputs", isSingle: inputs.isSingle)[index],
                    name.map { "the head \"\($0)\" takes texts, not pairs" }
                        ?? "evidence stands in a text, not in a pair")
            }
            texts.append(text)
        }
        let question = try HeadQuestion(options, evidence: evidence)
        let names = InputNames("inputs", isSingle: inputs.isSingle)
        let (predictions, result): ([HeadPrediction], EncodingResult)
        do throws(ServiceError) {
            let rules = rules(options, request)
            (predictions, result) =
                if let head {
                    try await service.predict(
                        texts, head: head, question: question, rules: rules)
                } else {
                    try await service.classify(texts, question: question, rules: rules)
                }
        } catch {
            throw .service(error, names)
        }
        var writer = JSONWriter()
        if inputs.isSingle {
            writer.prediction(predictions[0], text: texts[0])
        } else {
            writer.array { writer in
                for (prediction, text) in zip(predictions, texts) {
                    writer.prediction(prediction, text: text)
                }
            }
        }
        return response(writer, result, inputs.items)
    }
}
