/** What `--help` says. */
export const USAGE = `Usage: koa-docs-callback doctor --server URL [options]

Looks at a Docs server, the way back from it, and Redis, and says what to do about what it finds.
It changes nothing.

  --server URL        where this machine reaches the Docs server; else DOCS_URL
  --callback URL      what callbackUrl() makes: where the Docs server reaches the application
  --prefix PREFIX     the option prefix of createDocs(), where it has one (docs)
  --redis URL         as in createDocs(); else REDIS_URL
  --secret-file FILE  the Docs server's secret; a second line is the previous one, while it is being changed
  --secret -          the same from standard input; else DOCS_SECRET
  --secret SECRET     the same where others can read it; twice: current, then previous
  --timeout SECONDS   how long one check may take (10)
  --wait SECONDS      how long a callback is held open half sent, to see whether a proxy cuts it (2, at most 25)
  --json              one JSON document instead of a list
  --help              this

Exit code: 0 all is well, warnings allowed; 1 something failed; 2 wrong usage.
`
