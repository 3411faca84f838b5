import HTTPServer
import HTTPTypes

extension API {
    /// `GET /`: a page that shows what the server is and does, and tries its routes. It loads
    /// nothing from anywhere, and asks this server alone.
    func console(_: ServerRequest) async throws(APIError) -> ServerResponse {
        var response = ServerResponse(status: .ok)
        response.headers[.contentType] = "text/html; charset=utf-8"
        response.headers[.cacheControl] = "no-cache"
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        response.headers[.xContentTypeOptions] = "nosniff"
        response.body = .bytes(Self.consolePage)
        return response
    }

    private static let consolePage = Array(ConsolePage.html.utf8)
}
