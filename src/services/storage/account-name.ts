export interface Words {
  readonly code: string
  readonly message: string
}

export function checkAccountName(name: string): Words | null {
  return /^[a-z0-9]{3,24}$/.test(name)
    ? null
    : {
        code: 'AccountNameInvalid',
        message: `${name.slice(0, 64)} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.`,
      }
}

export function accountNameTaken(name: string): Words {
  return {
    code: 'StorageAccountAlreadyTaken',
    message: `The storage account named ${name} is already taken.`,
  }
}
