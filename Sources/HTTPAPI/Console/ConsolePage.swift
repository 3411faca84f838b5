/// The console: one page, without anything from outside it. What the server answers is only ever
/// put in as text.
enum ConsolePage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>bigs</title>
        <style>\(style)</style>
        </head>
        <body>
        <header>
          <h1>bigs</h1>
          <span id="state" role="status">…</span>
          <label>Key <input id="key" type="password" autocomplete="off" size="16"></label>
        </header>
        <main>
          <section>
            <h2>Try it</h2>
            <label>Text; to search, the question
              <textarea id="texts" rows="6">A state space model reads a document in one pass.</textarea></label>
            <label><input id="lines" type="checkbox"> each line is a text of its own</label>
            <label>Labels for Classify, separated by commas; without any, the model's own
              <input id="labels" value="machine learning, pets" size="40"></label>
            <div class="buttons">
              <button id="embed">Embed</button>
              <button id="predict">Classify</button>
              <button id="keep">Keep as documents</button>
              <button id="search">Search documents</button>
            </div>
            <output id="result"></output>
          </section>
          <section><h2>Model</h2><table id="info"></table></section>
          <section><h2>Now</h2><table id="metrics"></table>
            <p><a href="metrics">metrics</a> <a href="openapi.json">openapi.json</a></p></section>
        </main>
        <script>\(script)</script>
        </body>
        </html>
        """

    private static let style = """
        :root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
        body{max-width:60rem;margin:0 auto;padding:1rem}
        header{display:flex;gap:1rem;align-items:baseline;flex-wrap:wrap}
        header label{margin-left:auto}
        h1{margin:0;font-size:1.6rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
        section label{display:block;margin:.3rem 0}
        textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem}
        .buttons{display:flex;gap:.5rem;flex-wrap:wrap;margin:.5rem 0}
        button{font:inherit;padding:.3rem .8rem}
        output{display:block;white-space:pre-wrap;overflow-wrap:anywhere;
        font-family:ui-monospace,monospace;font-size:.85rem}
        table{border-collapse:collapse;width:100%}
        th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #8884;
        overflow-wrap:anywhere;vertical-align:top}
        th{font-weight:500;white-space:nowrap;width:1%}
        .bad{color:#c22}
        """

    private static let script = #"""
        'use strict';
        const $ = id => document.getElementById(id);
        const show = text => { $('result').textContent = text; };
        const texts = () => {
          const all = $('texts').value;
          return ($('lines').checked ? all.split('\n') : [all]).filter(text => text.trim());
        };
        async function ask(path, body) {
          const headers = {};
          if ($('key').value) headers.authorization = 'Bearer ' + $('key').value;
          const options = {headers};
          if (body !== undefined) {
            options.method = 'POST';
            options.body = JSON.stringify(body);
            headers['content-type'] = 'application/json';
          }
          const answer = await fetch(path, options);
          const text = await answer.text();
          if (!answer.ok) {
            let message = text;
            try { message = JSON.parse(text).error; } catch {}
            throw new Error(answer.status + ' ' + message);
          }
          return {text, headers: answer.headers};
        }
        const told = headers => ['x-scoring', 'x-compute-tokens', 'x-truncated-inputs', 'x-cache',
          'x-inference-time', 'x-total-time', 'x-request-id']
          .filter(name => headers.has(name))
          .map(name => name + ': ' + headers.get(name)).join('\n');
        const cosine = (a, b) => a.reduce((sum, value, index) => sum + value * b[index], 0);
        function table(id, rows) {
          $(id).replaceChildren(...rows.map(([name, value]) => {
            const row = document.createElement('tr');
            const head = row.appendChild(document.createElement('th'));
            head.textContent = name;
            row.appendChild(document.createElement('td')).textContent = value;
            return row;
          }));
        }
        const actions = {
          async embed() {
            const {text, headers} = await ask('embed', {inputs: texts()});
            const vectors = JSON.parse(text);
            const shown = vectors.map(v => '[' + v.slice(0, 6).map(x => x.toFixed(4)).join(', ')
              + ', …] ' + v.length + ' dimensions');
            const pairs = vectors.slice(1).map((v, i) =>
              'cosine of 1 and ' + (i + 2) + ': ' + cosine(vectors[0], v).toFixed(4));
            show([...shown, ...pairs, '', told(headers)].join('\n'));
          },
          async predict() {
            const body = {inputs: texts()};
            const labels = $('labels').value.split(',').map(x => x.trim()).filter(x => x);
            if (labels.length) body.candidate_labels = labels;
            const {text, headers} = await ask('classify', body);
            const shown = JSON.parse(text).data.map(scores => scores.slice(0, 5)
              .map(s => s.label + ' ' + s.score.toFixed(4)).join('   '));
            show([...shown, '', told(headers)].join('\n'));
          },
          async keep() {
            const {text} = await ask('documents', texts().map(text => ({text})));
            show(JSON.stringify(JSON.parse(text), null, 1));
          },
          async search() {
            const {text} = await ask('documents/search',
              {query: $('texts').value.trim(), top_k: 5, include: ['text', 'metadata']});
            const {results, warning} = JSON.parse(text);
            const shown = results.map(r => r.score.toFixed(4) + ' ' + r.id + ' '
              + JSON.stringify(r.metadata) + '\n  ' + r.text.slice(0, 300));
            show([warning, ...(shown.length ? shown : ['nothing found'])].filter(x => x).join('\n'));
          },
        };
        for (const [name, action] of Object.entries(actions)) {
          $(name).addEventListener('click', async () => {
            show('…');
            try { await action(); } catch (error) { show(error.message); }
            refresh();
          });
        }
        const wanted = {
          bigs_queue_tokens: 'tokens waiting or running', bigs_tokens_total: 'tokens so far',
          bigs_cache_hits_total: 'found in the cache', bigs_cache_misses_total: 'computed',
          bigs_store_documents: 'documents', bigs_store_encodings: 'cached encodings',
          bigs_store_bytes: 'bytes of the store', process_resident_memory_bytes: 'bytes of memory',
        };
        async function refresh() {
          try {
            const {text} = await ask('metrics');
            const values = new Map(text.split('\n').filter(line => line && line[0] !== '#')
              .map(line => [line.slice(0, line.lastIndexOf(' ')),
                Number(line.slice(line.lastIndexOf(' ') + 1))]));
            table('metrics', Object.entries(wanted).filter(([name]) => values.has(name))
              .map(([name, title]) => [title, values.get(name).toLocaleString('en')]));
            $('state').textContent = values.get('bigs_ready') ? 'ready' : 'not ready';
            $('state').className = values.get('bigs_ready') ? '' : 'bad';
          } catch (error) {
            $('state').textContent = error.message;
            $('state').className = 'bad';
          }
        }
        async function about() {
          try {
            const info = JSON.parse((await ask('info')).text);
            table('info', Object.entries(info).filter(([, value]) => value !== null)
              .map(([name, value]) =>
                [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]));
          } catch (error) { table('info', [['', error.message]]); }
        }
        $('key').addEventListener('change', () => { about(); refresh(); });
        about();
        refresh();
        setInterval(refresh, 5000);
        """#
}
