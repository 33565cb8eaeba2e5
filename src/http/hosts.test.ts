import { expect, test } from 'vitest'
import { hostTable, parseAuthority } from './hosts.ts'
import { toyProtocol } from './toy-protocol.ts'

const login = toyProtocol()
const vault = toyProtocol()
const table = hostTable([
  { host: 'login.localhost', protocol: login },
  { host: '*.vault.localhost', protocol: vault },
  { host: 'special.vault.localhost', protocol: login },
])

test('a fixed host is found by its name alone', () => {
  expect(table.find('login.localhost')).toEqual({ protocol: login, subject: '' })
  expect(table.find('x.login.localhost')).toBeNull()
})

test('a wildcard stands for one label, which is the subject', () => {
  expect(table.find('kv1.vault.localhost')).toEqual({ protocol: vault, subject: 'kv1' })
  for (const other of [
    'vault.localhost',
    '.vault.localhost',
    'a.b.vault.localhost',
    'kv1.vault.localhost.evil',
  ]) {
    expect(table.find(other)).toBeNull()
  }
})

test('a fixed host goes before a wildcard', () => {
  expect(table.find('special.vault.localhost')?.protocol).toBe(login)
})

test.each([
  ['login.localhost', 'login.localhost', 'login.localhost'],
  ['LOGIN.LocalHost:8443', 'login.localhost', 'login.localhost:8443'],
  ['login.localhost.:8443', 'login.localhost', 'login.localhost:8443'],
  ['login.localhost:', 'login.localhost', 'login.localhost'],
  ['127.0.0.1:1', '127.0.0.1', '127.0.0.1:1'],
  ['[::1]:8443', '[::1]', '[::1]:8443'],
])('parseAuthority() reads %s', (text, hostname, authority) => {
  expect(parseAuthority(text)).toEqual({ hostname, authority })
})

test.each([
  '',
  ':80',
  'a:b',
  'a:65536',
  'a:123456',
  'a b',
  'a/b',
  'user@host',
  'a,b',
  '[::1',
  '한.localhost',
  'a\u0000',
])('parseAuthority() refuses %j', (text) => {
  expect(parseAuthority(text)).toBeNull()
})

test('an IP address leaves the subject to the path', () => {
  const byAddress = hostTable([{ host: 'address', protocol: login }])
  for (const address of ['127.0.0.1', '[::1]'])
    expect(byAddress.find(address)).toEqual({ protocol: login, subject: null })
  expect(byAddress.find('localhost')).toBeNull()
  expect(table.find('127.0.0.1')).toBeNull()
})
