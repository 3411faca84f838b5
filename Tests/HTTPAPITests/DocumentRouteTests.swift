import DocumentStore
import Foundation
import HTTPTypes
import Serving
import Testing

@Suite struct DocumentRouteTests {
    /// Ids that are also names of routes are ids for the methods that those do not take.
    @Test func idsThatAreNamesOfRoutes() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for id in ["search", "import", "delete"] {
            let put = await fixture.send(
                .put, "/documents/\(id)", Array(#"{"text":"a"}"#.utf8),
                contentType: "application/json")
            #expect(put.status == 201 && put.header("location") == "/documents/\(id)")
            #expect(await fixture.send(.get, "/documents/\(id)").object["text"] as? String == "a")
            #expect(await fixture.send(.delete, "/documents/\(id)").status == 200)
            #expect(await fixture.send(.get, "/documents/\(id)").status == 404)
        }
        let patch = await fixture.send(.patch, "/documents/search")
        #expect(patch.status == 405)
        #expect(patch.header("allow") == "POST")
        for (method, path, body) in [
            (HTTPRequest.Method.put, "/documents/export", #"{"text":"a"}"#),
            (.post, "/documents", #"{"id":"export","text":"a"}"#),
        ] {
            let refused = await fixture.send(
                method, path, Array(body.utf8), contentType: "application/json")
            #expect(refused.status == 422)
            #expect((refused.object["error"] as? String)?.hasPrefix("id: cannot be") == true)
        }
    }

    /// What is misspelt is named, and nothing is done.
    @Test(arguments: [
        (HTTPRequest.Method.get, "/documents", "filtre"), (.get, "/documents", "offset"),
        (.get, "/documents/export", "filtr"), (.get, "/documents/a", "includes"),
        (.delete, "/documents/a", "filter"), (.put, "/documents/a", "chunk"),
        (.post, "/documents", "chunk"), (.post, "/documents/delete", "filter"),
        (.post, "/documents/import", "result"), (.post, "/documents/a/predict", "heads"),
    ])
    func aQueryThatNoRouteHas(
        method: HTTPRequest.Method, path: String, name: String
    ) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/documents", #"{"id":"a","text":"abc"}"#)
        let type = path.hasSuffix("import") ? "application/x-ndjson" : "application/json"
        let answer = await fixture.send(
            method, "\(path)?\(name)=x", Array(#"{"text":"abcd"}"#.utf8), contentType: type)
        #expect(answer.status == 422)
        let message = answer.object["error"] as? String
        #expect(message?.hasPrefix("\(name): is no parameter") == true, "\(message ?? "")")
        #expect(await fixture.send(.get, "/documents/a").object["text"] as? String == "abc")
    }

    @Test func putStoresReplacesAndLeavesAlone() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let new = await fixture.put("/documents/a", #"{"text":"abc","metadata":{"my_key":1}}"#)
        #expect(new.status == 201 && new.object["status"] as? String == "stored")
        #expect(new.header("x-cache") == "miss" && new.header("location") == "/documents/a")
        #expect(new.object["tokens"] as? Int == 5)

        let same = await fixture.put("/documents/a", #"{"text":"abc"}"#)
        #expect(same.status == 200 && same.object["status"] as? String == "unchanged")
        #expect(same.header("x-cache") == "hit" && same.header("x-compute-tokens") == "5")

        let relabelled = await fixture.put(
            "/documents/a", #"{"text":"abc","metadata":{"my_key":2}}"#)
        #expect(relabelled.status == 200 && relabelled.object["status"] as? String == "replaced")
        #expect(relabelled.header("x-cache") == "hit")

        let changed = await fixture.put("/documents/a", #"{"text":"abcd"}"#)
        #expect(changed.status == 200 && changed.object["status"] as? String == "replaced")
        #expect(changed.header("x-cache") == "miss")

        let document = await fixture.get("/documents/a?embedding=true").object
        #expect(document["text"] as? String == "abcd")
        #expect((document["metadata"] as? [String: Any])?["my_key"] as? Int == 2)
        #expect(document["tokens"] as? Int == 6 && document["truncated"] as? Bool == false)
        #expect(document["model"] as? String == fixture.loaded?.fingerprintText)
        #expect(document["created_at"] is Double || document["created_at"] is Int)

        // The embedding is the one of /embed.
        let embedded = await fixture.post("/embed", #"{"inputs":"abcd"}"#)
        #expect(document["embedding"] as? [Double] == (embedded.array.first as? [Double]))
    }

    @Test func withoutAnIDTheContentNamesIt() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let one = await fixture.post("/documents", #"{"text":"abc"}"#)
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(one.status == 201 && one.object["id"] as? String == hash)
        #expect(await fixture.post("/documents", #"{"text":"abc"}"#).status == 200)
        #expect(await fixture.get("/documents/\(hash)").status == 200)
    }

    @Test(arguments: [
        ("plain", "plain"), ("with space", "with%20space"), ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("ünï-码-😀", "%C3%BCn%C3%AF-%E7%A0%81-%F0%9F%98%80"), ("..", "%2E%2E"),
        ("import%", "import%25"),
    ])
    func idsAreAnyText(id: String, escaped: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let stored = await fixture.put("/documents/\(escaped)", #"{"text":"abc"}"#)
        #expect(stored.status == 201 && stored.object["id"] as? String == id)
        let location = try #require(stored.header("location"))
        #expect(await fixture.get(location).object["id"] as? String == id)
        #expect(await fixture.send(.delete, location).object["deleted"] as? Int == 1)
        #expect(await fixture.get(location).status == 404)
    }

    /// Ids are told apart by their bytes, as the store does.
    @Test func idsOfTwoNormalFormsAreTwo() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let answer = await fixture.post(
            "/documents",
            #"[{"id":"caf\u00e9","text":"abc"},{"id":"cafe\u0301","text":"abcd"}]"#)
        #expect(answer.status == 201, "\(answer.object)")
        #expect(await fixture.get("/documents").ids.count == 2)
        #expect(await fixture.get("/documents/cafe%CC%81").object["text"] as? String == "abcd")
        let other = await fixture.put("/documents/caf%C3%A9", #"{"id":"cafe\u0301","text":"abc"}"#)
        #expect(other.status == 422)
    }

    @Test func wrongDocumentsAreNamedAndNothingIsKept() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        func refused(
            _ path: String, _ body: String, _ message: String, status: Int = 422
        ) async {
            let answer =
                path == "/documents"
                ? await fixture.post(path, body) : await fixture.put(path, body)
            #expect(answer.status == status, "\(body): \(answer.object)")
            let error = answer.object["error"] as? String ?? ""
            #expect(error.contains(message), "\(body): \(error)")
        }
        await refused("/documents", "{}", "text: is missing")
        await refused("/documents", #"{"text":""}"#, "text: cannot be empty")
        await refused("/documents", #"{"text":5}"#, "text: expected a string")
        await refused("/documents", "[]", "documents: cannot be empty")
        await refused("/documents", "{", "not JSON", status: 400)
        await refused("/documents", #"{"id":"","text":"a"}"#, "id: expected 1 to 1024")
        await refused("/documents", #"{"id":"a\u0007","text":"a"}"#, "id: has a control character")
        await refused(
            "/documents", #"{"id":"\#(String(repeating: "x", count: 1_025))","text":"a"}"#, "1025")
        await refused("/documents", #"{"text":"a","metadata":[1]}"#, "metadata")
        // What would be dropped or become another number.
        await refused(
            "/documents", #"{"text":"a","metadata":{"caf\u00e9":1,"cafe\u0301":2}}"#,
            "metadata.cafe\u{301}: is there twice")
        await refused(
            "/documents", #"{"text":"a","metadata":{"o":{"a":1,"a":2}}}"#,
            "metadata.o.a: is there twice")
        await refused(
            "/documents", #"{"text":"a","metadata":{"hash":18446744073709551615}}"#,
            "metadata.hash: expected a number of 64 bits, got 18446744073709551615")
        await refused("/documents", #"{"text":"a","keep_states":"int4"}"#, "keep_states")
        await refused("/documents", #"{"text":"a","chunk":"page"}"#, "chunk")
        await refused(
            "/documents", #"[{"id":"a","text":"a"},{"id":"a","text":"b"}]"#,
            "documents[1]: has the id of documents[0]")
        await refused(
            "/documents", #"[{"id":"a","text":"a"},{"id":"b"}]"#, "text: is missing")
        await refused("/documents/a", #"{"id":"b","text":"a"}"#, "which is not the path's")
        let long = String(repeating: "ab ", count: 300)
        await refused("/documents", #"{"text":"\#(long)","truncate":false}"#, "window")
        #expect(await fixture.post("/documents", #"{"text":"\#(long)"}"#).status == 201)
        #expect(await fixture.get("/documents").ids.count == 1)
    }

    /// A text that is there cut is not there for who forbids that.
    @Test func whatIsKeptTruncatedIsNotWhatWasAskedFor() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let long = String(repeating: "ab ", count: 300)
        let text = #""text":"\#(long)""#
        #expect(await fixture.put("/documents/a", "{\(text)}").status == 201)
        let before = await fixture.get("/documents/a").object
        for more in ["", #","metadata":{"new":true}"#] {
            let answer = await fixture.put("/documents/a", "{\(text),\"truncate\":false\(more)}")
            #expect(answer.status == 422, "\(answer.object)")
            #expect((answer.object["error"] as? String)?.contains("602 tokens") == true)
        }
        let after = await fixture.get("/documents/a").object
        #expect(NSDictionary(dictionary: after) == NSDictionary(dictionary: before))
        #expect(
            await fixture.put("/documents/a", "{\(text)}").object["status"] as? String
                == "unchanged")
    }

    @Test func filtersKeepEveryConditionOrAreRefused() async throws {
        let fixture = try await APIFixture.withDocuments()
        defer { fixture.executor?.stop() }
        let twice = #"{"year":{"$gte":2000},"year":{"$lt":2020}}"#
        let answer = await fixture.post("/documents/delete", #"{"filter":\#(twice)}"#)
        #expect(answer.status == 422)
        #expect(
            answer.object["error"] as? String == "filter.year: is there twice, or also in another "
                + "normal form of Unicode")
        func list(_ filter: String) async -> String? {
            let escaped = filter.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return await fixture.get("/documents?filter=\(escaped)").object["error"] as? String
        }
        #expect(await list(twice)?.hasPrefix("filter.year: is there twice") == true)
        #expect(
            await list(#"{"year":{"$lt":1e400}}"#)
                == "filter.year.$lt: expected a number of 64 bits, got 1e400")
        #expect(await list("{")?.hasPrefix("filter: is not JSON") == true)
        #expect(await fixture.get("/documents").ids.count == 3)
    }

    /// What is wrong in a list is named with its place; what that leaves is said, too.
    @Test func listsNameTheirWrongDocument() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        for (document, field) in [
            (#"{"id":"b\u0007","text":"abc"}"#, "documents[1].id: has a control character"),
            (#"{"text":"abc","prompt_name":"x"}"#, "documents[1].prompt_name: the model has no"),
        ] {
            let refused = await fixture.post(
                "/documents", #"[{"id":"a","text":"abc"},\#(document)]"#)
            #expect(refused.status == 422)
            let error = refused.object["error"] as? String ?? ""
            #expect(error.hasPrefix(field) && !error.contains("kept"), "\(error)")
        }
        #expect(await fixture.get("/documents").ids.isEmpty)

        let long = String(repeating: "ab ", count: 300)
        let answer = await fixture.post(
            "/documents",
            #"[{"id":"a","text":"abc"},{"id":"b","text":"\#(long)","truncate":false},"#
                + #"{"id":"c","text":"abcd"}]"#)
        #expect(answer.status == 422)
        let error = answer.object["error"] as? String ?? ""
        #expect(error.hasPrefix("documents[1].text: has 602 tokens"), "\(error)")
        #expect(error.hasSuffix("documents of the list that were kept: 2"), "\(error)")
        #expect(await fixture.get("/documents").ids == ["a", "c"])
    }

    @Test func listsPageFilterAndOrder() async throws {
        let fixture = try await APIFixture.withDocuments()
        defer { fixture.executor?.stop() }
        #expect(await fixture.get("/documents").ids == ["apples", "bears", "cedars"])
        #expect(await fixture.get("/documents?order=-id").ids == ["cedars", "bears", "apples"])
        let first = await fixture.get("/documents?limit=2")
        #expect(first.ids == ["apples", "bears"])
        let cursor = try #require(first.object["next"] as? String)
        let second = await fixture.get("/documents?limit=2&cursor=\(cursor)")
        #expect(second.ids == ["cedars"] && second.object["next"] is NSNull)
        let filter =
            "%7B%22year%22:%7B%22$gte%22:2021%7D,%22tags%22:%7B%22$contains%22:%22x%22%7D%7D"
        let filtered = await fixture.get("/documents?filter=\(filter)&include=text,embedding")
        #expect(filtered.ids == ["cedars"])
        let document = (filtered.object["documents"] as? [[String: Any]])?.first ?? [:]
        #expect(document["text"] is String && document["embedding"] is [Double])
        #expect(document["metadata"] == nil)
        for (query, field) in [
            ("limit=0", "limit"), ("limit=x", "limit"), ("order=size", "order"),
            ("cursor=nonsense", "cursor"), ("filter=%7B", "filter"),
            ("filter=%7B%22a%22:%7B%22$foo%22:1%7D%7D", "filter.a.$foo"),
            ("include=all", "include"),
        ] {
            let answer = await fixture.get("/documents?\(query)")
            #expect(answer.status == 422, "\(query)")
            #expect(
                (answer.object["error"] as? String)?.hasPrefix(field) == true, "\(answer.object)")
        }
    }

    @Test func deletesByIDAndByFilter() async throws {
        let fixture = try await APIFixture.withDocuments()
        defer { fixture.executor?.stop() }
        #expect(await fixture.send(.delete, "/documents/nobody").status == 404)
        #expect(await fixture.send(.delete, "/documents/bears").object["deleted"] as? Int == 1)
        let byFilter = await fixture.post("/documents/delete", #"{"filter":{"kind":"tree"}}"#)
        #expect(byFilter.object["deleted"] as? Int == 1)
        #expect(await fixture.get("/documents").ids == ["apples"])
        #expect(await fixture.post("/documents/delete", #"{"filter":{}}"#).status == 422)
        // Nor does what only looks like a condition delete all of them.
        for filter in [
            #"{"$and":[{}]}"#, #"{"$or":[{"kind":"fruit"},{"$and":[{},{}]}]}"#,
            #"{"$not":{"$not":{}}}"#, #"{"kind":{"$nin":[]}}"#,
            #"{"$not":{"$and":[{"kind":"fruit"},{"kind":{"$in":[]}}]}}"#,
        ] {
            let refused = await fixture.post("/documents/delete", #"{"filter":\#(filter)}"#)
            #expect(refused.status == 422, "\(filter): \(refused.object)")
        }
        #expect(await fixture.get("/documents").ids == ["apples"])
        for filter in [#"{"$not":{}}"#, #"{"$and":[{},{"kind":"tree"}]}"#] {
            let none = await fixture.post("/documents/delete", #"{"filter":\#(filter)}"#)
            #expect(none.object["deleted"] as? Int == 0, "\(filter)")
        }
        #expect(await fixture.post("/documents/delete", "{}").status == 422)
        for name in ["dry_run", "dryRun", "All", "dry-Run"] {
            let misspelt = await fixture.post(
                "/documents/delete", #"{"filter":{"a":1},"\#(name)":true}"#)
            #expect((misspelt.object["error"] as? String)?.hasPrefix("\(name): is not") == true)
        }
        #expect(
            await fixture.post("/documents/delete", #"{"filter":{"a":1},"ids":["x"]}"#).status
                == 422)
        let byID = await fixture.post("/documents/delete", #"{"ids":["apples","nobody"]}"#)
        #expect(byID.object["deleted"] as? Int == 1)
        let all = await fixture.post("/documents/delete", #"{"filter":{},"all":true}"#)
        #expect(all.object["deleted"] as? Int == 0)
    }

    /// Foundation's reading of UTF-8 takes a byte order mark away, and with it a document's hash.
    @Test func aByteOrderMarkStays() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let text = "\u{FEFF}A file. Another"
        #expect(await fixture.put("/documents/a", #"{"text":"\#(text)"}"#).status == 201)
        let document = await fixture.get("/documents/a")
        #expect(document.status == 200, "\(document.object)")
        // Foundation's JSON takes it away, too.
        #expect(document.bytes.firstRange(of: Array(#""text":"\#(text)""#.utf8)) != nil)
        let found = await fixture.post(
            "/documents/search", #"{"query":"file","mode":"text","include":["text"]}"#)
        #expect((found.object["results"] as? [Any])?.count == 1)
        #expect(try await fixture.stream(.get, "/documents/export").lines().count == 1)
    }

    @Test func onePartOfADocument() async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.put("/documents/a", #"{"text":"abc","metadata":{"n":1}}"#)
        let part = await fixture.get("/documents/a?include=embedding").object
        #expect(part["embedding"] != nil && part["text"] == nil && part["metadata"] == nil)
        let more = await fixture.get("/documents/a?include=text&embedding=true").object
        #expect(more["embedding"] != nil && more["text"] != nil && more["metadata"] == nil)
        #expect(await fixture.get("/documents/a?include=vector").status == 422)
    }
}
