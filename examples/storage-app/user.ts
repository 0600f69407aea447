/** Who somebody says they are. A real application has a log-in here; this one believes everybody. */
import { randomUUID } from 'node:crypto'
import type { Context } from 'koa'

export interface User {
  id: string
  name: string
}

const NAMES = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn']

/** From the cookie; who comes for the first time gets a name. */
export function userOf(ctx: Context): User {
  const [id = '', name = ''] = (ctx.cookies.get('user') ?? '').split('.')
  if (id !== '' && name !== '') return { id, name: decode(name) }
  const user = { id: randomUUID(), name: NAMES[Math.floor(Math.random() * NAMES.length)] ?? 'Ann' }
  remember(ctx, user)
  return user
}

export function remember(ctx: Context, { id, name }: User): void {
  const value = `${id}.${Buffer.from(name).toString('base64url')}`
  ctx.cookies.set('user', value, { httpOnly: true, sameSite: 'lax', overwrite: true })
}

const decode = (name: string): string => Buffer.from(name, 'base64url').toString().slice(0, 40)
