/**
 * NestJS: a provider that shuts down with the application, and a controller whose callback route gives the body to
 * `docs.receive()`.
 *
 *     DOCS_URL=http://docs.internal DOCS_SECRET=… node --import tsx examples/nestjs/nestjs.ts
 */
import 'reflect-metadata'
import {
  Catch,
  Controller,
  Get,
  HttpCode,
  Inject,
  Module,
  Param,
  Post,
  Req,
  Res,
  type ArgumentsHost,
  type BeforeApplicationShutdown,
  type ExceptionFilter,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request, Response } from 'express'
import { createDocs, DocsError, type Docs } from '../../src/index.js'
import { options, port } from '../settings.js'

/** The name under which `createDocs()` is injected. */
const DOCS = Symbol('docs')

@Controller()
class DocsController {
  @Inject(DOCS) private readonly docs!: Docs

  @Post('docs/callback/:ref')
  async callback(@Param('ref') ref: string, @Req() request: Request, @Res() response: Response) {
    const body = request.body as unknown
    const reply = await this.docs.receive({ body, headers: request.headers, ref })
    // Both of them: the Docs server goes by the status and by what is in the body.
    response.status(reply.status).json(reply.body)
  }

  /** For `editorConfig.callbackUrl` in the page. */
  @Get('callback-url/:name')
  callbackUrl(@Param('name') name: string) {
    return { callbackUrl: this.docs.callbackUrl(name) }
  }

  @Post('save/:key')
  @HttpCode(200)
  save(@Param('key') key: string) {
    return this.docs.forcesave(key)
  }
}

@Catch(DocsError)
class DocsErrors implements ExceptionFilter<DocsError> {
  catch(error: DocsError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>()
    response.status(error.retryable ? 503 : 500).json({ error: error.code })
  }
}

@Module({
  controllers: [DocsController],
  providers: [{ provide: DOCS, useFactory: () => createDocs(options) }],
})
class DocsModule implements BeforeApplicationShutdown {
  @Inject(DOCS) private readonly docs!: Docs

  /** Before Nest waits for the requests that are under way: the calls that wait are told. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.docs.close()
  }
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest takes options as a literal
const web = await NestFactory.create<NestExpressApplication>(DocsModule, {
  logger: ['error'],
  bodyParser: false,
  forceCloseConnections: true,
})
// A long history makes a long callback, and one over the limit is a save that nobody takes. `type`: whatever it
// calls itself, the token decides.
web.useBodyParser('json', { limit: '10mb', type: () => true })
web.useGlobalFilters(new DocsErrors())
const listener = (await web.listen(port)) as { requestTimeout: number }
// The whole of a request has to arrive in this time; the reply may take longer.
listener.requestTimeout = 30_000
console.log(`NestJS listens on ${port}`)

process.once('SIGTERM', () => void web.close())
