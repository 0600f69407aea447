/** What the commands `version` and `license` answer (`test/wire/basic-session.jsonl`). */

export const VERSION = { error: 0, version: '4.1.2.37' }

export const LICENSE = {
  error: 0,
  license: {
    start_date: '2026-11-01T00:00:00.000Z',
    end_date: null,
    timelimited: false,
    trial: false,
    developer: false,
    branding: false,
    customization: false,
    advanced_api: false,
    connections: 20,
    connections_view: 20,
    users_count: 0,
    users_view_count: 0,
    users_expire: 1,
    customer_id: '',
    alias: '',
    multitenancy: false,
  },
  server: {
    workersCount: 1,
    resultType: 3,
    packageType: 0,
    buildDate: '2016-06-29T00:00:00.000Z',
    buildVersion: '4.1.2',
    buildNumber: 37,
  },
  quota: { users: [], users_view: [] },
}
